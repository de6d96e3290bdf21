"""What a picture tells about who speaks, and what it costs to tell less.

    python -m bench.privacy --peers FOLDER --plot docs/privacy.svg
    python -m bench.privacy --peers FOLDER --rows "float32 spectrogram" '`light`' --model tiny.en
    python -m bench.privacy --peers FOLDER --tried --steps 0 --beam 1 --model tiny.en
    python -m bench.privacy --peers FOLDER --data OTHERS --tested "name of a source"

FOLDER has Resemblyzer's weights: `pip install --no-deps --target FOLDER resemblyzer`.

Attackers get pictures and want to know whether somebody spoke whom they have heard before, in the
clear or under the same protection, on other occasions; for each utterance the protection is drawn
anew, but where half of somebody's utterances are tested at once, also once for all of them. Prints
Markdown tables: equal error rates with bootstrap intervals of 95 % over speakers, how often sex is
told, and word error rates. McAdams' coefficient is the baseline B2 of the VoicePrivacy Challenge
2024, on the sound.

Those who are tested are the speakers of one source of a data set, librispeech-test-other (ten
people, ten utterances each) unless `--tested` names another; attackers learn from everybody else in
it. A data set is a folder as `bench/recordings.py` describes it. `--keep` remembers what is found,
to go on with; with other code, it is found anew.
"""

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from bench import attackers, attacks, protections, sending, verification
from bench.attackers import SpeakerEncoder, Training
from bench.attacks import (
    ATTACKS,
    DRAWS,
    MANY_DRAWS,
    ONE_DRAW,
    SEX,
    STRONGEST,
    Attacked,
    Attacks,
)
from bench.hearing import Heard, Kept, Listener, Memory, hear_all, heard_in
from bench.protections import TESTED, Protection, Voices, every_row, tried
from bench.recordings import Score, Utterance, learnt
from bench.sending import PNG
from hush import disguise
from models.nothing_said import FOLDER
from models.tables import table

GOAL = 35.0
"""Equal error rate that is wanted for less than a point of words."""


class Corpus(NamedTuple):
    """A data set, and the name of its source whose speakers are tested."""

    folder: Path
    tested: str


def hear(
    protection: Protection, listener: Listener, corpus: Corpus, everything: bool
) -> tuple[str, Heard]:
    """Send recordings in one way, and hear them."""
    said = heard_of(corpus, listener, everything)
    sent = [protection.send(one.samples, 1_000_000 + place) for place, one in enumerate(said)]
    languages = [one.language for one in said]
    answers = listener.hear([spectrogram for spectrogram, _ in sent], languages)
    size = sum(size for _, size in sent) / sum(one.seconds for one in said)
    return _name(protection, listener, corpus, everything), heard_in(answers, size)


def heard_of(corpus: Corpus, listener: Listener, everything: bool) -> list[Utterance]:
    """Return what a model is to hear: those who are tested, or all that it has learnt."""
    voices = _voices(corpus)
    return learnt(listener.model, voices.tested + (voices.others if everything else []))


@cache
def _voices(corpus: Corpus) -> Voices:
    return Voices(*corpus)


def _name(protection: Protection, listener: Listener, corpus: Corpus, everything: bool) -> str:
    said = "all" if everything else corpus.tested
    return (
        f"{said} of {corpus.folder.name}: {listener.name}, from {protection.name},"
        f" {_version(disguise, protections, sending)}"
    )


@cache
def _version(*modules: ModuleType) -> str:
    """Return what tells the code of modules from that which they had before."""
    sources = b"".join(Path(str(module.__file__)).read_bytes() for module in modules)
    return hashlib.sha256(sources).hexdigest()[:8]


class Report:
    """The tables and the plot of what was found."""

    def __init__(
        self,
        rows: Sequence[Protection],
        listeners: Sequence[Listener],
        attacked: Mapping[str, Attacked],
        memory: Memory,
        corpus: Corpus,
    ) -> None:
        self._rows, self._listeners, self._attacked = rows, listeners, attacked
        self._memory, self._corpus = memory, corpus

    def _score(self, row: Protection, listener: Listener, everything: bool = False) -> Score:
        said = heard_of(self._corpus, listener, everything)
        return Score.of(said, self._memory[_name(row, listener, self._corpus, everything)].texts)

    def _increase(self, row: Protection, listener: Listener) -> tuple[float, float, float]:
        return self._score(row, listener).increase(self._score(self._rows[0], listener))

    def _bytes(self, row: Protection) -> float:
        return self._memory[_name(row, self._listeners[0], self._corpus, False)].bytes_a_second

    def frontier(self) -> None:
        """Print equal error rates against words and bytes."""
        lines = []
        for row in self._rows:
            found = self._attacked[row.name]
            line = [row.name]
            for name in (STRONGEST, ONE_DRAW, MANY_DRAWS, SEX):
                rate = found.rates.get(name)
                line.append(_rate(rate) if rate else "")
            for listener in self._listeners:
                line.append(f"{self._score(row, listener).rate:.2f}")
                more, low, high = self._increase(row, listener)
                line.append(
                    "" if row is self._rows[0] else f"{more:+.2f} ({low:+.2f} to {high:+.2f})"
                )
            lines.append([*line, f"{self._bytes(row):.0f}"])
        heads = ["sent as", "EER in %", "five at once, one draw", "five draws", "sex told in %"]
        for listener in self._listeners:
            heads += [f"{listener.model}: WER in %", "increase in points"]
        first = self._score(self._rows[0], self._listeners[0])
        speakers = len(set(_voices(self._corpus).speakers))
        title = f"The strongest attacker: {speakers} speakers, {len(first.words)} recordings"
        table(f"{title}, {first.words.sum()} words", [*heads, "bytes a second"], lines)

    def attackers(self) -> None:
        """Print what each attacker finds."""
        lines = []
        for row in self._rows:
            found = self._attacked[row.name]
            rates = [found.rates.get(name) for name in ATTACKS]
            lines.append([row.name, *(_rate(rate) if rate else "" for rate in rates)])
        table("Equal error rates in %, by attacker and enrolment", ("sent as", *ATTACKS), lines)

    def languages(self, rows: Sequence[Protection]) -> None:
        """Print what rows cost in words by language."""
        for listener in self._listeners:
            said = heard_of(self._corpus, listener, True)
            lines = []
            for language in dict.fromkeys(each.language for each in said):
                places = [p for p, each in enumerate(said) if each.language == language]
                first = self._score(rows[0], listener, True).of_some(places)
                line = [language, int(first.words.sum()), f"{first.rate:.2f}"]
                for row in rows[1:]:
                    score = self._score(row, listener, True).of_some(places)
                    more, low, high = score.increase(first)
                    line.append(f"{more:+.2f} ({low:+.2f} to {high:+.2f})")
                lines.append(line)
            heads = (
                "language",
                "words",
                f"{rows[0].name}: WER in %",
                *(row.name for row in rows[1:]),
            )
            table(f"By language, {listener.model}: increase in points", heads, lines)

    def plot(self, file: Path) -> None:
        """Draw equal error rates against words, and against bytes."""
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D

        figure = Figure(figsize=(9, 4.5), layout="constrained")
        words, size = figure.subplots(1, 2, sharey=True)
        colours = {"undisguised": "tab:grey", "sound": "tab:orange", "disguised": "tab:blue"}
        lifted = 0
        for row in self._rows:
            rate, low, high = self._attacked[row.name].rates[STRONGEST]
            kind = "sound" if row.mcadams else "disguised" if row.strength else "undisguised"
            more, least, most = self._increase(row, self._listeners[0])
            bar = {"marker": "o", "markersize": 4, "capsize": 2, "color": colours[kind]}
            across, along = [[rate - low], [high - rate]], [[more - least], [most - more]]
            words.errorbar([more], [rate], yerr=across, xerr=along, elinewidth=0.6, **bar)
            size.errorbar([self._bytes(row)], [rate], yerr=across, elinewidth=0.6, **bar)
            name = {"text": row.name.replace("`", ""), "fontsize": 7, "color": colours[kind]}
            # Those of one kind lie at one height in one of the two, where their names would too.
            if kind == "undisguised":
                place = (self._bytes(row), rate)
                size.annotate(**name, xy=place, xytext=place, rotation=50, va="bottom")
            else:
                lifted += 9
                above = (5, lifted)
                words.annotate(**name, xy=(more, high), xytext=above, textcoords="offset points")
        for axes in (words, size):
            axes.axhline(50, color="grey", linewidth=0.8, linestyle=":")
            axes.axhline(GOAL, color="tab:green", linewidth=0.8, linestyle="--")
            axes.set_ylim(-2, 55)
            axes.grid(alpha=0.3)
        marks = [Line2D([], [], color=colours[kind], marker="o", linestyle="") for kind in colours]
        size.legend(marks, list(colours), fontsize=8)
        words.axvline(1, color="tab:green", linewidth=0.8, linestyle="--")
        words.set_xlabel(f"more words heard wrongly by {self._listeners[0].model}, in points")
        words.set_ylabel("equal error rate from one utterance, in %")
        size.set(xscale="log", xlabel="bytes a second of speech")
        figure.savefig(file, metadata={"Date": None})


def _rate(found: Sequence[float]) -> str:
    rate, low, high = found
    return f"{rate:.1f} ({low:.1f} to {high:.1f})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peers", type=Path, required=True, help="folder with resemblyzer in it")
    parser.add_argument("--model", nargs="+", default=["base", "tiny.en"])
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--tested", default=TESTED, help="source of the data set; %(default)s")
    parser.add_argument("--rows", nargs="+", help="names of those to compare, as tables have them")
    parser.add_argument("--tried", action="store_true", help="rows that were tried on the way")
    parser.add_argument("--beam", type=int, default=5, help="1 is greedy")
    parser.add_argument(
        "--steps", type=int, default=Training.steps, help="of attackers' training; 0 for none"
    )
    parser.add_argument("--languages", action="store_true", help="hear everybody with each step")
    parser.add_argument("--plot", type=Path, help="write the plot there")
    parser.add_argument("--keep", type=Path, help="JSON lines of what was found, to go on with")
    return parser.parse_args()


def main() -> None:
    """Attack and hear what is not yet in the file that is kept, and print the tables."""
    arguments = _arguments()
    corpus = Corpus(arguments.data, arguments.tested)
    if not (corpus.folder / "manifest.jsonl").exists():
        sys.exit(f"there is no manifest.jsonl in {corpus.folder}; --data names another folder")
    if len(set(_voices(corpus).speakers)) < 2:
        sys.exit(f"no two speakers are of source {corpus.tested!r}; --tested names another")
    before = tried(_voices(corpus))
    known = {each.name: each for each in (*every_row(), *before)}
    if unknown := set(arguments.rows or ()) - known.keys():
        sys.exit(f"no row is called {', '.join(unknown)}; there are: {'; '.join(known)}")
    usual = before if arguments.tried else every_row()
    rows = [known[name] for name in arguments.rows or [each.name for each in usual]]
    try:
        encoder = SpeakerEncoder.pretrained(arguments.peers)
    except OSError as error:
        sys.exit(
            f"{error.filename} is not there: pip install --no-deps --target FOLDER resemblyzer"
        )
    attacked = Kept(arguments.keep, Attacked)

    def attack(row: Protection) -> str:
        version = _version(disguise, protections, sending, attackers, attacks, verification)
        return f"{row.name}, {arguments.steps} steps, {DRAWS} draws, {corpus}, {version}"

    if missing := [row for row in rows if attack(row) not in attacked]:
        everybody = Attacks(_voices(corpus), encoder, Training(arguments.steps))
        for count, row in enumerate(missing, 1):
            attacked.add(attack(row), everybody.on(row))
            print(f"attacked {count} of {len(missing)}: {row.name}", file=sys.stderr, flush=True)
    listeners = [Listener(model, beam=arguments.beam) for model in arguments.model]
    dial = [row for row in rows if row == rows[0] or (row.strength and row.way == PNG)]
    wanted = [(row, listener, corpus, False) for row in rows for listener in listeners]
    if arguments.languages:
        wanted += [(row, listener, corpus, True) for row in dial for listener in listeners]
    memory = Memory(arguments.keep and arguments.keep.with_suffix(".words.jsonl"))
    new = [each for each in wanted if _name(*each) not in memory]
    hear_all(hear, new, memory, 1)
    found = {row.name: attacked[attack(row)] for row in rows}
    report = Report(rows, listeners, found, memory, corpus)
    report.frontier()
    report.attackers()
    if arguments.languages:
        report.languages(dial)
    if arguments.plot:
        report.plot(arguments.plot)


if __name__ == "__main__":
    main()

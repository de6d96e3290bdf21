"""What a picture tells about who speaks, and what it costs to tell less.

    python -m bench.privacy --peers FOLDER --plot docs/privacy.svg
    python -m bench.privacy --peers FOLDER --rows "float32 spectrogram" '`light`' --model tiny.en
    python -m bench.privacy --peers FOLDER --tried --steps 0 --beam 1 --model tiny.en

FOLDER has Resemblyzer's weights: `pip install --no-deps --target FOLDER resemblyzer`.

Attackers get pictures and want to know whether somebody spoke whom they have heard before, in the
clear or under the same protection, on other occasions; every utterance is an occasion, for which
the protection is drawn anew. Prints Markdown tables: equal error rates with bootstrap intervals of
95 % over speakers, how often sex is told, and word error rates. McAdams' coefficient is the
baseline B2 of the VoicePrivacy Challenge 2024, on the sound.

Those who are tested are the ten speakers of librispeech-test-other, ten utterances each; attackers
learn from everybody else in the data set. `--keep` remembers what is found, to go on with.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from bench.attackers import (
    EncoderInput,
    SpeakerEncoder,
    Statistics,
    Training,
    Undoing,
    sound_of,
    trained,
)
from bench.hearing import Heard, Kept, Listener, Memory, hear_all, heard_in
from bench.protections import TESTED, Protection, Voices, protections, tried
from bench.recordings import Score, Utterance, learnt
from bench.sending import PNG
from bench.verification import Trials, Vectors, balanced_accuracy
from hush.mel import Samples, Spectrogram
from models.nothing_said import FOLDER
from models.tables import table

DRAWS = 2
"""Draws of a protection under which attackers see what they learn from."""
OCCASIONS = 10_000
"""Of each draw: more than there are recordings."""
SEXES = ("female", "male")
ATTACKERS = ("sound", "picture", "moved back", "statistics")
ENROLMENTS = ("clear", "protected")
GOAL = 35.0
"""Equal error rate that is wanted for less than a point of words."""


@dataclass(frozen=True)
class Attacked:
    """What attackers found of a row.

    Attributes
    ----------
    rates
        Equal error rates with their intervals by attacker and enrolment, and "sex".
    """

    rates: dict[str, list[float]]

    @property
    def strongest(self) -> list[float]:
        """The lowest of the equal error rates, with its interval."""
        return min(rates for name, rates in self.rates.items() if name != "sex")


class Attacks:
    """What attackers find out of pictures.

    Parameters
    ----------
    voices
        Of whom.
    encoder
        What they have learnt before.
    training
        How long those learn who know a protection.
    """

    def __init__(self, voices: Voices, encoder: SpeakerEncoder, training: Training) -> None:
        self._voices, self._encoder, self._training = voices, encoder, training
        self._heard = EncoderInput()
        self._said = [one.samples for one in voices.tested]
        self._learnt = [one.samples for one in voices.others]
        clear = Protection("")
        self._clear, plain = self._sent(clear, self._said), self._sent(clear, self._learnt)
        self._known_sound = encoder.of_each([self._heard.sound(one) for one in self._said])
        self._known, self._plain = self._of(self._clear), self._of(plain)
        self._targets = encoder.of_each(self._plain)

    def on(self, protection: Protection) -> Attacked:
        """Return what attackers find who know the protection, if they have time to learn."""
        pictures = self._sent(protection, self._said, 1_000_000)
        draws = DRAWS if protection.is_drawn else 1
        protected = [
            self._sent(protection, self._learnt, OCCASIONS * draw) for draw in range(draws)
        ]
        heard = self._heard
        found: dict[str, list[float]] = {}
        unknown = self._encoder.of_each([heard.sound(sound_of(one)) for one in pictures])
        self._compare(found, "sound", self._known_sound, unknown)
        listened = [self._of(draw) for draw in protected]
        encoder = self._taught(protection, listened)
        known, unknown = encoder.of_each(self._known), encoder.of_each(self._of(pictures))
        self._compare(found, "picture", known, unknown)
        found["sex"] = [self._sex(encoder, listened[0], unknown)]
        if protection.is_moved:
            self._move_back(found, protection, pictures, protected)
        statistics = Statistics(protected)
        known, unknown = statistics.of_each(self._clear), statistics.of_each(pictures)
        self._compare(found, "statistics", known, unknown)
        return Attacked(found)

    def _taught(
        self, protection: Protection, listened: Sequence[Sequence[torch.Tensor]]
    ) -> SpeakerEncoder:
        """Return the encoder of an attacker who has learnt to hear through a protection."""
        if not (protection.is_drawn and self._training.steps):
            return self._encoder
        return trained(
            self._encoder,
            self._plain,
            self._targets,
            listened,
            self._voices.other_speakers,
            self._training,
        )

    def _move_back(
        self,
        found: dict[str, list[float]],
        protection: Protection,
        pictures: Sequence[Spectrogram],
        protected: Sequence[Sequence[Spectrogram]],
    ) -> None:
        """Attack by one who guesses what was drawn, and undoes it first."""
        known_factors = [
            [
                protection.factor(one.shape[1], OCCASIONS * draw + place)
                for place, one in enumerate(sent)
            ]
            for draw, sent in enumerate(protected)
        ]

        def learnt_from(first: int, step: int) -> Undoing:
            return Undoing(
                [one for sent in protected for one in sent[first::step]],
                [factor for factors in known_factors for factor in factors[first::step]],
            )

        # What one has learnt from is undone too well: they learn from what others have undone.
        halves = [learnt_from(1, 2), learnt_from(0, 2)]
        undoing = learnt_from(0, 1)
        learnt = [
            self._of([halves[place % 2].undone(one) for place, one in enumerate(sent)])
            for sent in protected
        ]
        encoder = self._taught(protection, learnt)
        known = encoder.of_each(self._known)
        unknown = encoder.of_each(self._of([undoing.undone(one) for one in pictures]))
        self._compare(found, "moved back", known, unknown)

    def _sent(
        self, protection: Protection, said: Sequence[Samples], occasion: int = 0
    ) -> list[Spectrogram]:
        return [protection.send(one, occasion + place)[0] for place, one in enumerate(said)]

    def _of(self, pictures: Sequence[Spectrogram]) -> list[torch.Tensor]:
        return [self._heard.picture(one) for one in pictures]

    def _compare(
        self, found: dict[str, list[float]], name: str, known: Vectors, unknown: Vectors
    ) -> None:
        for enrolment, enrolled in (("clear", known), ("protected", unknown)):
            trials = Trials.between(enrolled, unknown, self._voices.speakers)
            found[f"{name}, {enrolment}"] = [trials.equal_error_rate(), *trials.interval()]

    def _sex(
        self, encoder: SpeakerEncoder, others: Sequence[torch.Tensor], tested: Vectors
    ) -> float:
        said = [place for place, each in enumerate(self._voices.others) if each.sex in SEXES]
        return balanced_accuracy(
            encoder.of_each([others[place] for place in said]),
            np.array([self._voices.others[place].sex == "female" for place in said]),
            tested,
            np.array(self._voices.women),
        )


def hear(
    protection: Protection, listener: Listener, folder: Path, everything: bool
) -> tuple[str, Heard]:
    """Send recordings in one way, and hear them."""
    said = heard_of(folder, listener, everything)
    sent = [protection.send(one.samples, 1_000_000 + place) for place, one in enumerate(said)]
    languages = [one.language for one in said]
    answers = listener.hear([spectrogram for spectrogram, _ in sent], languages)
    size = sum(size for _, size in sent) / sum(one.seconds for one in said)
    return _name(protection, listener, everything), heard_in(answers, size)


def heard_of(folder: Path, listener: Listener, everything: bool) -> list[Utterance]:
    """Return what a model is to hear: those who are tested, or all that it has learnt."""
    voices = _voices(folder)
    return learnt(listener.model, voices.tested + (voices.others if everything else []))


@cache
def _voices(folder: Path) -> Voices:
    return Voices(folder)


def _name(protection: Protection, listener: Listener, everything: bool) -> str:
    return f"{'all' if everything else TESTED}: {listener.name}, from {protection.name}"


class Report:
    """The tables and the plot of what was found."""

    def __init__(
        self,
        rows: Sequence[Protection],
        listeners: Sequence[Listener],
        attacked: Mapping[str, Attacked],
        memory: Memory,
        folder: Path,
    ) -> None:
        self._rows, self._listeners, self._attacked = rows, listeners, attacked
        self._memory, self._folder = memory, folder

    def _score(self, row: Protection, listener: Listener, everything: bool = False) -> Score:
        said = heard_of(self._folder, listener, everything)
        return Score.of(said, self._memory[_name(row, listener, everything)].texts)

    def _increase(self, row: Protection, listener: Listener) -> tuple[float, float, float]:
        return self._score(row, listener).increase(self._score(self._rows[0], listener))

    def _bytes(self, row: Protection) -> float:
        return self._memory[_name(row, self._listeners[0], False)].bytes_a_second

    def frontier(self) -> None:
        """Print equal error rates against words and bytes."""
        lines = []
        for row in self._rows:
            found = self._attacked[row.name]
            line = [row.name, _rate(found.strongest), f"{found.rates['sex'][0]:.0f}"]
            for listener in self._listeners:
                line.append(f"{self._score(row, listener).rate:.2f}")
                more, low, high = self._increase(row, listener)
                line.append(
                    "" if row is self._rows[0] else f"{more:+.2f} ({low:+.2f} to {high:+.2f})"
                )
            lines.append([*line, f"{self._bytes(row):.0f}"])
        heads = ["sent as", "EER in %", "sex told in %"]
        for listener in self._listeners:
            heads += [f"{listener.model}: WER in %", "increase in points"]
        first = self._score(self._rows[0], self._listeners[0])
        speakers = len(set(_voices(self._folder).speakers))
        title = f"The strongest attacker: {speakers} speakers, {len(first.words)} recordings"
        table(f"{title}, {first.words.sum()} words", [*heads, "bytes a second"], lines)

    def attackers(self) -> None:
        """Print what each attacker finds."""
        names = [f"{name}, {known}" for name in ATTACKERS for known in ENROLMENTS]
        lines = []
        for row in self._rows:
            found = self._attacked[row.name]
            rates = [found.rates.get(name) for name in names]
            lines.append([row.name, *(_rate(rate) if rate else "" for rate in rates)])
        table("Equal error rates in %, by attacker and enrolment", ("sent as", *names), lines)

    def languages(self, rows: Sequence[Protection]) -> None:
        """Print what rows cost in words by language."""
        for listener in self._listeners:
            said = heard_of(self._folder, listener, True)
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

        figure = Figure(figsize=(9, 4.5), layout="constrained")
        words, size = figure.subplots(1, 2, sharey=True)
        colours = {"undisguised": "tab:grey", "sound": "tab:orange", "disguised": "tab:blue"}
        for row in self._rows:
            rate, low, high = self._attacked[row.name].strongest
            kind = "sound" if row.mcadams else "disguised" if row.strength else "undisguised"
            more, least, most = self._increase(row, self._listeners[0])
            bar = {"marker": "o", "markersize": 4, "capsize": 2, "color": colours[kind]}
            across, along = [[rate - low], [high - rate]], [[more - least], [most - more]]
            words.errorbar([more], [rate], yerr=across, xerr=along, elinewidth=0.6, **bar)
            size.errorbar([self._bytes(row)], [rate], yerr=across, elinewidth=0.6, **bar)
            name = row.name.replace("`", "")
            for axes, place in ((words, more), (size, self._bytes(row))):
                axes.annotate(name, (place, rate), (5, 4), textcoords="offset points", fontsize=7)
        for axes in (words, size):
            axes.axhline(50, color="grey", linewidth=0.8, linestyle=":")
            axes.axhline(GOAL, color="tab:green", linewidth=0.8, linestyle="--")
            axes.set_ylim(-2, 55)
            axes.grid(alpha=0.3)
        words.axvline(1, color="tab:green", linewidth=0.8, linestyle="--")
        words.set_xlabel(f"more words heard wrongly by {self._listeners[0].model}, in points")
        words.set_ylabel("equal error rate of the strongest attacker, in %")
        size.set(xscale="log", xlabel="bytes a second of speech")
        figure.savefig(file, metadata={"Date": None})


def _rate(found: Sequence[float]) -> str:
    rate, low, high = found
    return f"{rate:.1f} ({low:.1f} to {high:.1f})"


def main() -> None:
    """Attack and hear what is not yet in the file that is kept, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peers", type=Path, required=True, help="folder with resemblyzer in it")
    parser.add_argument("--model", nargs="+", default=["base", "tiny.en"])
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--rows", nargs="+", help="names of those to compare, as tables have them")
    parser.add_argument("--tried", action="store_true", help="rows that were tried on the way")
    parser.add_argument("--beam", type=int, default=5, help="1 is greedy")
    parser.add_argument(
        "--steps", type=int, default=Training.steps, help="of attackers' training; 0 for none"
    )
    parser.add_argument("--languages", action="store_true", help="hear everybody with each step")
    parser.add_argument("--plot", type=Path, help="write the plot there")
    parser.add_argument("--keep", type=Path, help="JSON lines of what was found, to go on with")
    arguments = parser.parse_args()
    folder = arguments.data
    if not (folder / "manifest.jsonl").exists():
        sys.exit(f"there is no manifest.jsonl in {folder}; --data names another folder")
    before = tried(_voices(folder))
    known = {each.name: each for each in (*protections(), *before)}
    if unknown := set(arguments.rows or ()) - known.keys():
        sys.exit(f"no row is called {', '.join(unknown)}; there are: {'; '.join(known)}")
    usual = before if arguments.tried else protections()
    rows = [known[name] for name in arguments.rows or [each.name for each in usual]]
    try:
        encoder = SpeakerEncoder.pretrained(arguments.peers)
    except OSError as error:
        sys.exit(
            f"{error.filename} is not there: pip install --no-deps --target FOLDER resemblyzer"
        )
    attacked = Kept(arguments.keep, Attacked)

    def attack(row: Protection) -> str:
        return f"{row.name}, {arguments.steps} steps, {DRAWS} draws, {folder.name}"

    if missing := [row for row in rows if attack(row) not in attacked]:
        attacks = Attacks(_voices(folder), encoder, Training(arguments.steps))
        for count, row in enumerate(missing, 1):
            attacked.add(attack(row), attacks.on(row))
            print(f"attacked {count} of {len(missing)}: {row.name}", file=sys.stderr, flush=True)
    listeners = [Listener(model, beam=arguments.beam) for model in arguments.model]
    dial = [row for row in rows if row == rows[0] or (row.strength and row.way == PNG)]
    wanted = [(row, listener, folder, False) for row in rows for listener in listeners]
    if arguments.languages:
        wanted += [(row, listener, folder, True) for row in dial for listener in listeners]
    memory = Memory(arguments.keep and arguments.keep.with_suffix(".words.jsonl"))
    new = [each for each in wanted if _name(each[0], each[1], each[3]) not in memory]
    hear_all(hear, new, memory, 1)
    found = {row.name: attacked[attack(row)] for row in rows}
    report = Report(rows, listeners, found, memory, folder)
    report.frontier()
    report.attackers()
    if arguments.languages:
        report.languages(dial)
    if arguments.plot:
        report.plot(arguments.plot)


if __name__ == "__main__":
    main()

"""What attackers find out of pictures: everybody who tries, and what the best of them reaches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
from bench.protections import Protection, Voices
from bench.verification import Others, Trials, Vectors, accuracy_of, rate_of
from hush.mel import Samples, Spectrogram

DRAWS = 2
"""Draws of a protection under which attackers see what they learn from."""
OCCASIONS = 10_000
"""Of each draw: more than there are recordings."""
TESTED, SESSION = 1_000_000, 2_000_000
"""Seeds of what is drawn for each utterance that is tested, and for all of a speaker's."""
FACTORS = 9
"""That are tried for what was drawn, from one end of the range to the other."""

SEXES = ("female", "male")
ATTACKERS = ("sound", "picture", "moved back", "statistics")
ATTACKS = (
    *(f"{name}, {known}" for name in ATTACKERS for known in ("clear", "likewise")),
    "picture, each factor",
    "moved back, evened",
)
STRONGEST, SEX = "strongest", "sex"
TOGETHER = ONE_DRAW, MANY_DRAWS = "one draw", "many draws"


@dataclass(frozen=True)
class Attacked:
    """What attackers found of a row.

    Attributes
    ----------
    rates
        By attacker and enrolment ("picture, clear"): an equal error rate in percent and its
        interval. `STRONGEST` is the lowest of them; `ONE_DRAW` and `MANY_DRAWS` that where half of
        a speaker's utterances are tested at once, which had one draw, or one each. `SEX` is how
        often sex is told in percent, and its interval.
    """

    rates: dict[str, list[float]]


class Sent(NamedTuple):
    """Pictures of those who are tested, and of others."""

    tested: list[Spectrogram]
    others: list[Spectrogram]


class Known(NamedTuple):
    """Vectors of those who are tested, and of others."""

    tested: Vectors
    others: Vectors


View = Callable[[Spectrogram], Spectrogram]
"""What an attacker makes of a picture first."""


class Attacks:
    """Attackers who begin with the same encoder, and what they have of people.

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
        self._clear = self._sent(Protection(""))
        self._plain = self._of(self._clear.others)
        self._targets = encoder.of_each(self._plain)
        self._trials: dict[str, list[Trials]] = {}

    def on(self, protection: Protection) -> Attacked:
        """Return what attackers find who know the protection, if they have time to learn."""
        sent = self._sent(protection)
        seen = [sent.others]
        if protection.is_drawn:
            seen += [
                self._pictures(protection, self._learnt, OCCASIONS * draw)
                for draw in range(1, DRAWS)
            ]
        self._trials = {}
        self._by_sound(sent)
        told = [self._by_picture(protection, sent, seen)]
        if protection.is_moved:
            told.append(self._moved_back(protection, sent, seen))
        self._by_statistics(sent, seen)
        found = {name: rate_of(each) for name, each in self._trials.items()}
        alone = [each for name, each in self._trials.items() if name not in TOGETHER]
        found[STRONGEST] = rate_of([one for each in alone for one in each])
        if any(told):
            found[SEX] = max(told)
        return Attacked(found)

    def _sent(self, protection: Protection) -> Sent:
        return Sent(
            self._pictures(protection, self._said, TESTED),
            self._pictures(protection, self._learnt, 0),
        )

    @staticmethod
    def _pictures(
        protection: Protection, said: Sequence[Samples], occasion: int
    ) -> list[Spectrogram]:
        return [protection.send(one, occasion + place)[0] for place, one in enumerate(said)]

    def _of(self, pictures: Sequence[Spectrogram]) -> list[torch.Tensor]:
        return [self._heard.picture(one) for one in pictures]

    def _vectors(self, encoder: SpeakerEncoder, sent: Sent) -> Known:
        return Known(*(encoder.of_each(self._of(each)) for each in sent))

    def _compare(self, name: str, enrolled: Sequence[Known], unknown: Known) -> None:
        """Compare what is tested with each of several enrolments of the same people."""
        self._trials.setdefault(name, []).extend(
            Trials.best(
                [
                    Trials.between(
                        known.tested,
                        unknown.tested,
                        self._voices.speakers,
                        Others(known.others, unknown.others) if normalised else None,
                        together=name in TOGETHER,
                    )
                    for known in enrolled
                ]
            )
            for normalised in (False, True)
        )

    def _taught(
        self, protection: Protection, seen: Sequence[Sequence[Spectrogram]]
    ) -> SpeakerEncoder:
        """Return the encoder of an attacker who has learnt to hear through a protection."""
        if not (protection.is_drawn and self._training.steps):
            return self._encoder
        return trained(
            self._encoder,
            self._plain,
            self._targets,
            [self._of(each) for each in seen],
            self._voices.other_speakers,
            self._training,
        )

    def _by_picture(
        self, protection: Protection, sent: Sent, seen: Sequence[Sequence[Spectrogram]]
    ) -> list[float]:
        """Attack by one who listens to pictures, and compares with what could have been drawn."""
        encoder = self._taught(protection, seen)
        unknown = self._vectors(encoder, sent)
        self._compare("picture, clear", [self._vectors(encoder, self._clear)], unknown)
        self._compare("picture, likewise", [unknown], unknown)
        if protection.is_moved:
            moved = [
                self._vectors(encoder, self._sent(protection.of_factor(factor)))
                for factor in protection.grid(FACTORS)
            ]
            self._compare("picture, each factor", moved, unknown)
            self._compare_together(protection, encoder, ([unknown], moved), unknown)
        return self._sex(encoder, seen, unknown.tested)

    def _moved_back(
        self, protection: Protection, sent: Sent, seen: Sequence[Sequence[Spectrogram]]
    ) -> list[float]:
        """Attack by one who guesses what was drawn, and undoes it first."""
        factors = [
            [
                protection.factor(one.shape[1], OCCASIONS * draw + place)
                for place, one in enumerate(each)
            ]
            for draw, each in enumerate(seen)
        ]

        def undoing(first: int, step: int) -> Undoing:
            return Undoing(
                [one for each in seen for one in each[first::step]],
                [factor for each in factors for factor in each[first::step]],
            )

        # What one has learnt from is undone too well: they learn from what others have undone.
        halves = [undoing(1, 2), undoing(0, 2)]
        undone = [
            [halves[place % 2].undone(one) for place, one in enumerate(each)] for each in seen
        ]
        encoder = self._taught(protection, undone)
        view = undoing(0, 1).undone
        unknown = Known(
            encoder.of_each(self._of([view(one) for one in sent.tested])),
            encoder.of_each(self._of(undone[0])),
        )
        evened = self._vectors(encoder, self._sent(protection.of_factor(0.0)))
        self._compare("moved back, clear", [self._vectors(encoder, self._clear)], unknown)
        self._compare("moved back, likewise", [unknown], unknown)
        self._compare("moved back, evened", [evened], unknown)
        self._compare_together(protection, encoder, ([unknown], [evened]), unknown, view)
        return self._sex(encoder, undone, unknown.tested)

    def _compare_together(
        self,
        protection: Protection,
        encoder: SpeakerEncoder,
        enrolments: Sequence[Sequence[Known]],
        unknown: Known,
        view: View = np.asarray,
    ) -> None:
        """Compare half of what somebody sends at once: of one draw, and of many."""
        names = sorted(set(self._voices.speakers))
        of_session = [
            view(protection.send(one, SESSION + names.index(speaker))[0])
            for one, speaker in zip(self._said, self._voices.speakers, strict=True)
        ]
        tested = encoder.of_each(self._of(of_session))
        for enrolled in enrolments:
            self._compare(ONE_DRAW, enrolled, Known(tested, unknown.others))
            self._compare(MANY_DRAWS, enrolled, unknown)

    def _by_sound(self, sent: Sent) -> None:
        """Attack by one who makes sound of pictures, and does not know of a protection."""

        def vectors(of_each: Sequence[Samples]) -> Vectors:
            return self._encoder.of_each([self._heard.sound(one) for one in of_each])

        known = Known(vectors(self._said), vectors(self._learnt))
        unknown = Known(*(vectors([sound_of(one) for one in each]) for each in sent))
        self._compare("sound, clear", [known], unknown)
        self._compare("sound, likewise", [unknown], unknown)

    def _by_statistics(self, sent: Sent, seen: Sequence[Sequence[Spectrogram]]) -> None:
        """Attack by one who knows nothing but bands."""
        statistics = Statistics(seen)
        known = Known(*(statistics.of_each(each) for each in self._clear))
        unknown = Known(*(statistics.of_each(each) for each in sent))
        self._compare("statistics, clear", [known], unknown)
        self._compare("statistics, likewise", [unknown], unknown)

    def _sex(
        self,
        encoder: SpeakerEncoder,
        seen: Sequence[Sequence[Spectrogram]],
        tested: Vectors,
    ) -> list[float]:
        """Return how often sex is told, and its interval; nothing where nobody knows the truth."""
        said = [place for place, each in enumerate(self._voices.others) if each.sex in SEXES]
        women = [self._voices.others[place].sex == "female" for place in said]
        sexes = self._voices.sexes
        if not set(SEXES) <= set(sexes):
            return []
        known = [place for place, sex in enumerate(sexes) if sex in SEXES]
        return accuracy_of(
            np.concatenate(
                [encoder.of_each(self._of([each[place] for place in said])) for each in seen]
            ),
            np.array(women * len(seen)),
            tested[known],
            np.array([sexes[place] == "female" for place in known]),
            [self._voices.speakers[place] for place in known],
        )

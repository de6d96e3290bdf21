"""How well speakers are told apart: trials, equal error rates, and their intervals.

As in the VoicePrivacy Challenge 2024 (arXiv 2404.02677), somebody is enrolled with several
utterances, and others are compared with these; scores are normalised by those of other people
(S-norm: S. Shum et al., "Unsupervised speaker adaptation based on the cosine similarity for
text-independent speaker verification", Odyssey 2010). Intervals are over speakers: who was recorded
matters more than how often.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

DRAWS = 2_000

Vectors = npt.NDArray[np.floating]


class Others(NamedTuple):
    """People who are not tested, by whom scores are normalised.

    Attributes
    ----------
    known, unknown
        (utterances, dimensions) vectors of theirs, as speakers are enrolled and as they are tested.
    """

    known: Vectors
    unknown: Vectors

    def normalised(self, scores: Vectors, centre: Vectors, utterances: Vectors) -> Vectors:
        """Return scores of utterances as standard deviations above those of others.

        Parameters
        ----------
        scores
            One for each utterance.
        centre
            (1, dimensions) vector of who is enrolled.
        utterances
            (utterances, dimensions) vectors of what is tested.
        """
        of_others = _of_length_one(self.unknown) @ centre[0]
        with_others = utterances @ _of_length_one(self.known).T
        enrolled = (scores - of_others.mean()) / of_others.std()
        tested = (scores - with_others.mean(axis=1)) / with_others.std(axis=1)
        found: Vectors = (enrolled + tested) / 2
        return found


@dataclass(frozen=True, eq=False)
class Trials:
    """Comparisons of utterances with speakers.

    Attributes
    ----------
    scores
        How alike they are; more is more.
    enrolled, tested
        Number of the speaker who was enrolled, and of who spoke.
    """

    scores: Vectors
    enrolled: npt.NDArray[np.intp]
    tested: npt.NDArray[np.intp]

    @classmethod
    def between(
        cls,
        known: Vectors,
        unknown: Vectors,
        speakers: Sequence[str],
        others: Others | None = None,
        *,
        together: bool = False,
    ) -> Self:
        """Enrol each speaker with every other half of their utterances, and test with the rest.

        Parameters
        ----------
        known, unknown
            (utterances, dimensions) vectors of the same utterances, as they are enrolled and as
            they are tested. No utterance is compared with itself.
        speakers
            Who speaks each.
        others
            By whom scores are normalised; they are not if None.
        together
            Whether what is tested is half of a speaker's utterances at once, and not each.
        """
        names = sorted(set(speakers))
        places = [np.flatnonzero(np.array(speakers) == name) for name in names]
        known, unknown = _of_length_one(known), _of_length_one(unknown)
        scores, enrolled, tested = [], [], []
        for half in (0, 1):
            halves = [unknown[_half(of_one, 1 - half)] for of_one in places]
            if together:
                halves = [_of_length_one(each.mean(axis=0, keepdims=True)) for each in halves]
            for speaker, of_speaker in enumerate(places):
                centre = _of_length_one(known[_half(of_speaker, half)].mean(axis=0, keepdims=True))
                for other, utterances in enumerate(halves):
                    alike = utterances @ centre[0]
                    found = others.normalised(alike, centre, utterances) if others else alike
                    scores.append(found)
                    enrolled.append(np.full(len(found), speaker))
                    tested.append(np.full(len(found), other))
        return cls(np.concatenate(scores), np.concatenate(enrolled), np.concatenate(tested))

    @classmethod
    def best(cls, tries: Sequence[Self]) -> Self:
        """Return comparisons of which each is the best of several tries at the same."""
        return replace(tries[0], scores=np.max([each.scores for each in tries], axis=0))

    @cached_property
    def _order(self) -> npt.NDArray[np.intp]:
        return np.argsort(self.scores, kind="stable")

    @property
    def targets(self) -> npt.NDArray[np.bool_]:
        """Which of them are of one speaker with themselves."""
        same: npt.NDArray[np.bool_] = self.enrolled == self.tested
        return same

    def equal_error_rate(self, weights: Vectors | None = None) -> float:
        """Return the rate, in percent, at which as many are refused wrongly as accepted wrongly.

        Parameters
        ----------
        weights
            How often each speaker counts; once if not given.
        """
        count = int(self.enrolled.max()) + 1
        weights = np.ones(count) if weights is None else weights
        targets = self.targets
        weight = np.where(
            targets, weights[self.tested], weights[self.enrolled] * weights[self.tested]
        )
        weight, of_one = weight[self._order], targets[self._order]
        refused = np.cumsum(weight * of_one) / np.sum(weight * of_one)
        accepted = 1 - np.cumsum(weight * ~of_one) / np.sum(weight * ~of_one)
        place = int(np.argmin(np.abs(refused - accepted)))
        return float(50 * (refused[place] + accepted[place]))

    def drawn(self) -> Vectors:
        """Return the rates of draws of speakers, the same draws whatever is compared."""
        count = int(self.enrolled.max()) + 1
        draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), DRAWS)
        # Who is drawn twice is not somebody else: a draw of one speaker alone compares nobody.
        return np.array(
            [self.equal_error_rate(draw) for draw in draws if np.count_nonzero(draw) > 1]
        )


def rate_of(trials: Sequence[Trials]) -> list[float]:
    """Return the lowest equal error rate of several attackers, and its 95 % interval, in percent.

    Of each draw of speakers (bootstrap), the interval has the lowest too.
    """
    lowest = np.min([each.drawn() for each in trials], axis=0)
    low, high = np.percentile(lowest, (2.5, 97.5))
    return [min(each.equal_error_rate() for each in trials), float(low), float(high)]


def _half(places: npt.NDArray[np.intp], half: int) -> npt.NDArray[np.intp]:
    return places[half::2]


def _of_length_one(vectors: Vectors) -> Vectors:
    scaled: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return scaled


def accuracy_of(
    vectors: Vectors,
    classes: npt.NDArray[np.bool_],
    tested: Vectors,
    truth: npt.NDArray[np.bool_],
    speakers: Sequence[str],
) -> list[float]:
    """Learn to tell two classes apart by logistic regression, and return how often it is right.

    Parameters
    ----------
    vectors, classes
        (utterances, dimensions) vectors to learn from, and the class of each.
    tested, truth
        Those of other speakers.
    speakers
        Who these are.

    Returns
    -------
    list of float
        Mean of both classes' rates, in percent, where 50 is chance; and its 95 % interval over
        speakers (bootstrap).
    """
    mean, spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-3
    inputs, outputs = (vectors - mean) / spread, np.where(classes, 1.0, -1.0)
    share = np.where(classes, 0.5 / classes.mean(), 0.5 / (1 - classes.mean())) / len(classes)

    def loss(weights: Vectors) -> tuple[float, Vectors]:
        margins = outputs * (inputs @ weights[1:] + weights[0])
        slope = -share * outputs / (1 + np.exp(np.clip(margins, -50, 50)))
        penalty = 0.01 * weights[1:]
        total = float(share @ np.logaddexp(0, -margins) + 0.005 * weights[1:] @ weights[1:])
        return total, np.concatenate([[slope.sum()], slope @ inputs + penalty])

    start = np.zeros(inputs.shape[1] + 1)
    weights = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    found = (tested - mean) / spread @ weights[1:] + weights[0] > 0
    names, owners = np.unique(speakers, return_inverse=True)
    draws = np.random.default_rng(0).multinomial(
        len(names), np.full(len(names), 1 / len(names)), DRAWS
    )
    right = found == truth

    def rate(weights: Vectors) -> float:
        """Return NaN where a draw has one class alone."""
        with np.errstate(invalid="ignore"):
            rates = [
                np.sum(weights[of] * right[of]) / np.sum(weights[of]) for of in (truth, ~truth)
            ]
        return float(50 * np.sum(rates))

    low, high = np.nanpercentile([rate(draw[owners]) for draw in draws], (2.5, 97.5))
    return [rate(np.ones(len(truth))), float(low), float(high)]

import numpy as np
import pytest

from bench.attackers import EncoderInput, SpeakerEncoder, Undoing, sound_of
from bench.protections import Protection, with_mcadams
from bench.sending import Way
from bench.verification import Others, Trials, accuracy_of, rate_of
from hush import mel
from hush.disguise import LIGHT
from tests.conftest import Samples

SPEAKERS = [str(number) for number in range(8) for _ in range(10)]


def vectors(apart: float) -> np.ndarray:
    """Return ten vectors each of eight speakers, who are so far apart."""
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((8, 64)).repeat(10, axis=0)
    made: np.ndarray = apart * centres + generator.standard_normal((80, 64))
    return made


def test_who_is_far_from_others_is_always_told_apart() -> None:
    trials = Trials.between(vectors(10), vectors(10), SPEAKERS)
    assert len(trials.scores) == 8 * 8 * 10
    assert trials.targets.sum() == 80
    assert trials.equal_error_rate() == 0
    assert rate_of([trials]) == [0, 0, 0]


def test_who_is_like_all_others_is_told_by_chance() -> None:
    trials = Trials.between(vectors(0), vectors(0), SPEAKERS)
    assert trials.equal_error_rate() == pytest.approx(50, abs=10)
    rate, low, high = rate_of([trials])
    assert low < rate < high


def test_the_best_of_several_attackers_is_no_worse_than_any() -> None:
    trials = [Trials.between(vectors(apart), vectors(apart), SPEAKERS) for apart in (0.2, 0.3)]
    each = [rate_of([one]) for one in trials]
    rate, low, high = rate_of(trials)
    assert rate == min(one[0] for one in each)
    assert low <= min(one[1] for one in each)
    assert high <= min(one[2] for one in each)


def test_what_all_have_in_common_is_taken_out_by_others() -> None:
    """Whoever is like everybody has high scores with all, and is told apart all the same."""
    generator = np.random.default_rng(1)
    common = generator.standard_normal(64)
    alike = 3 * generator.random((80, 1)) * common + vectors(0.5)
    others = 3 * generator.random((200, 1)) * common + generator.standard_normal((200, 64))
    raw = Trials.between(alike, alike, SPEAKERS)
    normalised = Trials.between(alike, alike, SPEAKERS, Others(others, others))
    assert normalised.equal_error_rate() < raw.equal_error_rate()


def test_several_utterances_together_tell_more() -> None:
    single = Trials.between(vectors(0.2), vectors(0.2), SPEAKERS)
    together = Trials.between(vectors(0.2), vectors(0.2), SPEAKERS, together=True)
    assert len(together.scores) == 2 * 8 * 8
    assert together.equal_error_rate() < single.equal_error_rate()


def test_of_several_tries_the_best_counts() -> None:
    trials = [Trials.between(vectors(apart), vectors(apart), SPEAKERS) for apart in (0.2, 0.3)]
    best = Trials.best(trials)
    assert (best.scores == np.maximum(trials[0].scores, trials[1].scores)).all()
    assert (best.targets == trials[0].targets).all()


def test_in_between_the_rate_is_that_of_the_best_threshold() -> None:
    trials = Trials.between(vectors(0.2), vectors(0.2), SPEAKERS)
    targets = trials.targets
    worst = [
        max(np.mean(trials.scores[targets] < one), np.mean(trials.scores[~targets] >= one))
        for one in trials.scores
    ]
    assert 5 < trials.equal_error_rate() < 45
    assert trials.equal_error_rate() == pytest.approx(100 * min(worst), abs=1.5)


def test_classes_are_learnt_from_some_and_told_of_others() -> None:
    generator = np.random.default_rng(0)
    classes = np.arange(100) % 5 == 0
    inputs = generator.standard_normal((100, 20)) + 3 * classes[:, None]
    speakers = [str(place) for place in range(50)]
    told = accuracy_of(inputs[:50], classes[:50], inputs[50:], classes[50:], speakers)
    assert told == [100, 100, 100]
    noise = generator.standard_normal((100, 20))
    rate, low, high = accuracy_of(noise[:50], classes[:50], noise[50:], classes[50:], speakers)
    assert low < rate < high
    assert rate < 75


def test_the_encoder_hears_of_a_picture_what_it_hears_of_the_sound(jfk: Samples) -> None:
    heard = EncoderInput()
    sound, picture = heard.sound(jfk), heard.picture(mel.log_mel_spectrogram(jfk))
    assert sound.shape == (len(jfk) // 160, 40)
    loud = sound > sound.max() * 1e-3
    ratio = (picture[loud] / sound[loud]).log10().abs().mean()
    assert ratio < 0.06


@pytest.mark.parametrize("bits", [None, 8, 4], ids=["float32", "8 bits", "4 bits"])
def test_sound_made_of_a_picture_has_its_spectrogram(jfk: Samples, bits: int | None) -> None:
    before = mel.log_mel_spectrogram(jfk[:48_000])
    if bits is not None:
        before, _ = Way("PNG", bits).send_spectrogram(before)
    after = mel.log_mel_spectrogram(sound_of(before))[:, : before.shape[1]]
    assert np.abs(after[:, 5:-5] - before[:, 5 : after.shape[1] - 5]).mean() < 0.12


def test_what_moved_frequencies_is_guessed_and_undone(jfk: Samples) -> None:
    light = Protection("light", strength=LIGHT)
    parts = [jfk[first : first + 48_000] for first in range(0, 128_000, 8_000)]
    sent = {
        (place, draw): light.send(part, 100 * draw + place)[0]
        for place, part in enumerate(parts)
        for draw in range(8)
    }
    factors = {
        (place, draw): light.factor(picture.shape[1], 100 * draw + place)
        for (place, draw), picture in sent.items()
    }
    known = [each for each in sent if each[1] < 7]
    undoing = Undoing([sent[each] for each in known], [factors[each] for each in known])
    left = [factors[each] - undoing.factor(sent[each]) for each in sent if each[1] == 7]
    drawn = [factors[each] for each in sent if each[1] == 7]
    assert np.std(left) < np.std(drawn) / 2


def test_mcadams_moves_formants_and_keeps_loudness(jfk: Samples) -> None:
    speech = jfk[:32_000]
    same, moved = with_mcadams(speech, 1.0), with_mcadams(speech, 0.6)
    np.testing.assert_allclose(same[400:-400], speech[400:-400], atol=0.02)
    assert np.std(moved) == pytest.approx(np.std(speech), rel=0.2)
    assert np.abs(mel.log_mel(moved) - mel.log_mel(speech)).mean() > 0.2


def test_an_utterance_of_any_length_has_a_vector() -> None:
    heard = [EncoderInput().sound(np.zeros(length, np.float32)) for length in (800, 48_000)]
    assert SpeakerEncoder().of_each(heard).shape == (2, 256)

"""Batches in parts that a CPU's cores work on side by side, and whether that is of use.

Texts are written token by token: too little at a time to keep several threads at it. Where each
has windows of its own, none waits for another.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import zip_longest

from hush.image import decode
from hush.mel import FRAMES_PER_SECOND, floor_normalized
from hush_service.engine.procedure import WindowByWindow
from hush_service.engine.questions import Decode, Encode, Question, Window
from hush_service.packaged import proof_pictures

Answer = Callable[[Sequence[Question]], Sequence[object]]

SHORT = 24
"""Tokens, to find out what is faster."""
LONGEST_SECONDS = 1.5
"""What takes longer than this is not measured."""
_SPEECH = 1000
"""Frames, likewise."""
_NOTHING = object()


class Replicas:
    """Has questions answered in parts.

    Parameters
    ----------
    answer
        Answers questions; may be called by several threads at once.
    count
        How many parts there are.
    """

    def __init__(self, answer: Answer, count: int) -> None:
        self.count = count
        self._answer = answer
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="replica")

    def answers(self, questions: Sequence[Question]) -> list[object]:
        """Return the answers to questions of one kind."""
        # Those that came together are of about one length, and so are the parts.
        parts = [questions[first :: self.count] for first in range(self.count)]
        answered = self._pool.map(self._answer, filter(None, parts))
        rounds = zip_longest(*answered, fillvalue=_NOTHING)
        return [answer for some in rounds for answer in some if answer is not _NOTHING]


def seconds(answer: Answer, count: int, procedure: WindowByWindow) -> float:
    """Return how long it takes to hear some speech so many times over, all at once.

    Parameters
    ----------
    answer
        Answers questions, with texts of `SHORT` tokens at most.
    count
        How many windows there are.
    procedure
        How the model is asked.
    """
    picture = proof_pictures(procedure.info.mel_bins)[0]
    speech = floor_normalized(decode(picture.read_bytes()).spectrogram())[:, :_SPEECH]
    usual = procedure.rules.window.window(speech)
    language = "en" if procedure.tokenizer.multilingual else None
    start = tuple(procedure.tokenizer.start(language, "transcribe"))
    spent = 0.0
    # What is done once takes its time: a second of speech goes first.
    for window in (Window(speech[:, :FRAMES_PER_SECOND], FRAMES_PER_SECOND), usual):
        windows = [replace(window) for _ in range(count)]
        began = time.perf_counter()
        answer([Encode(window) for window in windows])
        answer([Decode(window, start, 0.0, procedure.rules.beam) for window in windows])
        spent = time.perf_counter() - began
    return spent

"""Tests, in the rooms of what they test."""

import os
import signal
import threading

# Threads of one computation that share a core with another process wait for one another, busily:
# with two, the demo model takes four times the time. numba, which openai-whisper finds the times of
# words with, would set torch's number as well. Here, in the workers, and in what tests start.
for _name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# A job in a shell's background ignores Ctrl-C, and so would all that tests start there.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

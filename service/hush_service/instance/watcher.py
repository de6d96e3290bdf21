"""From launch to farewell: what an instance of the fleet does beside transcribing.

- When the service is ready, the launch hook is completed: only then does the group send requests.
- Every minute, the pictures in flight are published: the fleet is sized by them. So is the use of
  a GPU of AMD's.
- Without a picture for some time, the instance retires: that is how the fleet comes to zero.
- When the service does not live for minutes, the group is told to replace the instance.
- When EC2 or the group takes the instance away, it leaves the load balancer, some seconds later
  lets the service finish what it took, and completes the termination hook.
"""

import logging
from collections.abc import Callable

import httpx2
from botocore.exceptions import BotoCoreError, ClientError

from hush_service.instance.gpu import GpuUse, gpu_use
from hush_service.instance.group import Group
from hush_service.instance.metadata import Metadata
from hush_service.instance.process import ServiceProcess
from hush_service.instance.settings import WatcherSettings

log = logging.getLogger(__name__)

PUBLISH_EVERY = 60.0
DEAD_SECONDS = 120.0
"""Without an answer for as long, the instance is replaced; systemd has tried to restart by then."""
LOOK_EVERY = 5.0
"""Seconds between two looks at the metadata, as EC2's documentation asks for."""
BALANCER_SECONDS = 5.0
"""A load balancer sends for as long to whom it has been told to leave alone."""


class Watcher:
    """Watches over one instance; `tick` wants to be called about every second.

    Parameters
    ----------
    settings
        Its settings.
    metadata, service, group
        What it watches, and whom it tells.
    gpu
        Tells the GPU's use, if somebody else does not.
    """

    def __init__(
        self,
        settings: WatcherSettings,
        metadata: Metadata,
        service: ServiceProcess,
        group: Group,
        gpu: Callable[[], GpuUse | None] = gpu_use,
    ) -> None:
        self._settings = settings
        self._metadata = metadata
        self._service = service
        self._group = group
        self._gpu = gpu
        self._ready = self._endangered = self._retiring = False
        self._left = self._stopping = False
        self._leaving_since: float | None = None
        self._answered = 0
        self._busy_at = self._alive_at = self._published_at = self._looked_at = 0.0
        self._samples: list[float] = []
        self._gpu_samples: list[GpuUse] = []
        self.finished = False

    def tick(self, now: float) -> None:
        """Do what is due.

        Parameters
        ----------
        now
            Seconds since the machine started.
        """
        try:
            # First of all: of two minutes' notice, the longest request takes most.
            if now - self._looked_at >= LOOK_EVERY:
                self._looked_at = now
                self._look_whether_leaving(now)
            if not self._ready:
                self._look_whether_ready(now)
            else:
                self._measure(now)
            if self._may_retire(now):
                log.info("no picture for %.0f s: retiring", now - self._busy_at)
                self._retiring = self._group.retire()
                self._busy_at = now
        except (httpx2.HTTPError, BotoCoreError, ClientError) as error:
            # What failed now is tried again at the next tick.
            log.warning("%s: %s", type(error).__name__, error)

    def _look_whether_ready(self, now: float) -> None:
        if not self._service.ready():
            return
        log.info("ready %.0f s after the machine started", now)
        self._group.complete(self._settings.launch_hook)
        self._ready = True
        self._busy_at = self._alive_at = self._published_at = now
        self._group.publish("LaunchToReady", [now], "Seconds")

    def _measure(self, now: float) -> None:
        load = self._service.load()
        if load is None:
            if now - self._alive_at >= DEAD_SECONDS and self._leaving_since is None:
                log.error("the service has not answered for %.0f s", now - self._alive_at)
                self._alive_at = now
                self._group.report_unhealthy()
            return
        self._alive_at = now
        self._samples.append(float(load.in_flight))
        if (gpu := self._gpu()) is not None:
            self._gpu_samples.append(gpu)
        if load.in_flight or load.answered != self._answered:
            self._busy_at = now
        self._answered = load.answered
        if now - self._published_at >= PUBLISH_EVERY:
            samples, self._samples = self._samples, []
            used, self._gpu_samples = self._gpu_samples, []
            self._published_at = now
            self._group.publish("InFlight", samples, "Count")
            if used:
                self._group.publish("GpuUse", [each.percent for each in used], "Percent")
                self._group.publish("GpuMemory", [each.mebibytes for each in used], "Megabytes")

    def _look_whether_leaving(self, now: float) -> None:
        terminating = self._metadata.terminating()
        interrupted = self._leaving_since is None and self._metadata.interrupted()
        if self._leaving_since is None and (interrupted or terminating):
            log.info("leaving: finishing what is under way")
            self._leaving_since = now
        if self._leaving_since is not None:
            self._leave(now - self._leaving_since)
            if terminating and self._stopping and self._service.stopped():
                log.info("drained")
                self._group.complete(self._settings.termination_hook)
                self.finished = True
        if interrupted:
            self._group.publish("Interruptions", [1.0], "Count")
        if not self._endangered and self._metadata.endangered():
            self._endangered = True
            log.info("EC2 recommends to replace this instance; the group launches another")
            self._group.publish("RebalanceRecommendations", [1.0], "Count")

    def _leave(self, seconds: float) -> None:
        """Leave the load balancer, and when it has heard of that, have the service stop."""
        try:
            if not self._left:
                self._group.leave_balancer()
                self._left = True
        finally:
            # The service may end at once, and what were sent then would be answered 502.
            if not self._stopping and seconds >= BALANCER_SECONDS:
                self._service.stop()
                self._stopping = True

    def _may_retire(self, now: float) -> bool:
        idle = self._ready and now - self._busy_at >= self._settings.idle_seconds
        return idle and self._leaving_since is None and not self._retiring

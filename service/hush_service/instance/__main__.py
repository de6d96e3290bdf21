"""`python -m hush_service.instance`: the watcher, as systemd runs it."""

import logging
import time
from pathlib import Path

from hush_service.instance.group import Group
from hush_service.instance.metadata import Metadata
from hush_service.instance.process import ServiceProcess, Unit
from hush_service.instance.settings import WatcherSettings
from hush_service.instance.watcher import Watcher

SERVICE = Unit("hush.service", drain=Path("/run/hush-watcher/drain"))


def main() -> None:
    """Watch until the instance may end."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = WatcherSettings.model_validate({})
    metadata = Metadata(settings.metadata_url)
    region = settings.region or metadata.region()
    group = Group(settings.group, settings.target_group, metadata.instance(), region)
    service = ServiceProcess(settings.service_url, SERVICE)
    watcher = Watcher(settings, metadata, service, group)
    while not watcher.finished:
        watcher.tick(time.clock_gettime(time.CLOCK_BOOTTIME))
        time.sleep(1.0)


if __name__ == "__main__":
    main()

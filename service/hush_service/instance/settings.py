"""The watcher's settings, which the instance's launch template sets."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class WatcherSettings(BaseSettings):
    """Read from the environment: the name in capitals after ``HUSH_``."""

    model_config = SettingsConfigDict(env_prefix="HUSH_", extra="ignore", frozen=True)

    group: str
    """Name of the auto scaling group."""
    target_group: str
    """ARN of the load balancer's target group."""
    launch_hook: str = "launch"
    """Lifecycle hook that waits until the service is ready."""
    termination_hook: str = "termination"
    """Lifecycle hook that waits until the service has drained."""
    idle_seconds: float = 600.0
    """After as long without a picture, the instance retires."""
    service_url: str = "http://127.0.0.1:1337"
    """Where the service is."""
    metadata_url: str = "http://169.254.169.254"
    """Where EC2's instance metadata service is."""
    region: str | None = None
    """The AWS region; where the instance is if unset."""

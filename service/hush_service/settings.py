"""Every setting of the service. `docs/settings.md` documents them."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, Json, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hush_service.core.accounts import DayLimit


class ServiceSettings(BaseSettings):
    """Read from the environment: the name in capitals after ``HUSH_``, such as ``HUSH_PORT``."""

    model_config = SettingsConfigDict(env_prefix="HUSH_", extra="ignore", frozen=True)

    models: Annotated[tuple[str, ...], NoDecode] = ("base",)
    """Models to load, separated by commas: names of `hush models`, or paths of models."""
    coming: Annotated[tuple[str, ...], NoDecode] = ()
    """Models, separated by commas, that another service behind the same address will have soon: who
    asks for what they alone can is told to come again."""
    host: str = "127.0.0.1"
    """Address to listen on. Anything but loopback wants an API key."""
    port: int = Field(default=1337, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    api_key: SecretStr | None = None
    """What clients send as bearer token; nothing is asked for if unset."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Names, separated by commas, by which a service without a key may be asked, beside those of
    loopback."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins, separated by commas, of other web pages that may ask a service without a key."""
    device: Literal["auto", "cpu", "cuda", "webgpu", "webgpu-software"] = "auto"
    """Where models run; ``auto`` takes CUDA where there is one. ``webgpu`` is any GPU that Vulkan
    reaches, with the engine ``onnx``; ``webgpu-software`` lets a processor play one."""
    engine: Literal["auto", "ctranslate2", "reference", "onnx"] = "auto"
    """What runs models: CTranslate2, the reference, openai-whisper on torch, or ONNX Runtime;
    ``auto`` takes CTranslate2 where it is installed, ONNX Runtime on WebGPU."""
    precision: str = "default"
    """Of weights and sums, such as ``int8``, ``float16`` or ``float32``; ``default`` is int8 on a
    CPU, float16 on a GPU that has it."""
    beam: int = Field(default=5, ge=1, le=20)
    """Texts that are followed at once while one is written; 1 is greedy: faster, more errors."""
    window: Literal["short", "exact"] = "short"
    """How much CTranslate2 hears at once: 5 s more than there is and at least 15, or always 30 s,
    ``exact``ly as models were trained."""
    batch: int = Field(default=0, ge=0, le=256)
    """Windows of several pictures that CTranslate2 hears at once at most; 0 for 8 on a CPU, 32 on a
    GPU. Where memory does not suffice, batches are halved."""
    replicas: int = Field(default=0, ge=0, le=64)
    """Parts of a batch that CTranslate2 works on side by side, on a CPU with a share of its threads
    each; 0 for what is measured to be faster when a model is loaded."""
    download_folder: Path | None = None
    """Where models are kept; ``~/.cache/hush/models`` if unset."""
    queue_size: int = Field(default=256, ge=0)
    """Pictures that may wait while others are worked on; one more is answered 429."""
    caller_queue_size: int = Field(default=16, ge=1)
    """How many of them may be one caller's."""
    answer_seconds: float = Field(default=60.0, gt=0)
    """What could not be answered within as long, because of others, is answered 429 at once."""
    interim_a_minute: float = Field(default=60.0, gt=0)
    """How often one caller may ask for interim words, in pictures a minute."""
    max_body_bytes: int = Field(default=16 * 2**20, ge=1)
    """Largest request body. The widest mel image is 8.4 MB without compression."""
    max_body_seconds: float = Field(default=60.0, gt=0)
    """Longest time for a request body to arrive, whatever trickles in meanwhile."""
    min_body_rate: float = Field(default=1000.0, ge=0)
    """Lowest mean rate of a body, in bytes a second, after its first five seconds."""
    max_uploads: int = Field(default=256, ge=1)
    """Request bodies under way at once, half of them one caller's; one more is answered 429."""
    max_held_bytes: int = Field(default=2**28, ge=2**27)
    """Bytes of bodies and pictures in memory at once, half of them one caller's; what would be more
    is answered 429."""
    max_connections: int = Field(default=1024, ge=8)
    """Connections at once; for one more, the one goes that has been idle for longest."""
    max_seconds: float = Field(default=300.0, gt=0)
    """Longest work on one picture, after which it is given up."""

    cache_bytes: int = Field(default=0, ge=0)
    """Bytes of words that are kept in memory for pictures that come again; 0 keeps none."""
    cache_url: SecretStr | None = None
    """A Redis to keep them in instead, such as ``redis://localhost``."""
    cache_seconds: float = Field(default=3600.0, gt=0)
    """For which words are kept, where they are."""

    overflow: str | None = None
    """Name or ARN of a Lambda with the service, which hears what the queue has no room for; such
    pictures are answered 429 if unset."""
    overflow_model: str = "base"
    """Its model, by which is told what it can hear."""

    root_path: str = ""
    """What something in front of the service puts before its paths, such as ``/live``."""

    quota_table: str | None = None
    """DynamoDB table of what was used today; nothing is counted, and no identity read, if unset."""
    quota_limits: Json[dict[str, DayLimit]] = (
        '{"person": {"requests": 2000, "seconds": 36000},'  # type: ignore[assignment]
        ' "anonymous": {"requests": 50, "seconds": 600}}'
    )
    """Requests and seconds of speech a day, for each tier that the gateway names."""
    region: str | None = None
    """The AWS region of table and Lambda; what boto3 finds if unset."""

    @field_validator("allowed_hosts", "allowed_origins", "coming", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            value = tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            value = tuple(name.strip() for name in value.split(",") if name.strip())
        if value == ():
            raise ValueError("name at least one model, such as HUSH_MODELS=base")
        return value

    @model_validator(mode="after")
    def _open_only_with_key(self) -> Self:
        if self.api_key is None and not _is_loopback(self.host):
            raise ValueError(
                f"listening on {self.host} opens the service to others: set HUSH_API_KEY to a"
                " secret of your choice, or listen on 127.0.0.1"
            )
        if self.api_key is not None and not self.api_key.get_secret_value():
            raise ValueError("HUSH_API_KEY is set, but empty")
        if self.overflow is not None and self.api_key is None:
            raise ValueError(
                "HUSH_OVERFLOW wants HUSH_API_KEY, by which the Lambda knows who may ask"
            )
        if self.quota_table is not None and self.api_key is None:
            raise ValueError(
                "HUSH_QUOTA_TABLE has the service believe who asks: set HUSH_API_KEY, so that the"
                " gateway alone can ask"
            )
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

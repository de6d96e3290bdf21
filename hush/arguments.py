"""Options that several commands have, and what they come to."""

import re
from typing import Annotated, Literal

import typer

from hush.client import AsyncClient
from hush.credentials import CredentialError, credential, origin
from hush.disguise import Privacy
from hush.image import SMALL, Encoding, ImageFormat, MelImageError
from hush.in_process import (
    InProcessError,
    MissingServiceError,
    UnknownModelError,
    WrongSettingError,
    client_in_process,
)
from hush.mel import MEL_BINS
from hush.segments import DetectorName, VoiceActivity
from hush.terminal import errors, report


def _known_mel_bins(value: int) -> int:
    if value not in MEL_BINS:
        raise typer.BadParameter("pictures are 80 or 128 pixels high")
    return value


def _known_origins(values: list[str] | None) -> list[str] | None:
    for value in values or ():
        if not _ORIGIN.fullmatch(value):
            raise typer.BadParameter(f"{value!r} is no origin; http://localhost:3000 is one")
    return values


_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/*]+/?|null")

Url = Annotated[
    str | None,
    typer.Option(
        envvar="HUSH_URL",
        metavar="URL",
        help="Where the service is. Without it, the model runs in this process.",
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        envvar="HUSH_API_KEY",
        metavar="KEY",
        help="Key the service wants; that of `hush login` if left out.",
    ),
]
Insecure = Annotated[
    bool,
    typer.Option("--insecure", help="Send the key to another machine over plain http."),
]
AllowedHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="Answer to this name too, such as a reverse proxy's; may be given several times.",
    ),
]
AllowedOrigins = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-origin",
        callback=_known_origins,
        metavar="ORIGIN",
        help="Web page that may ask, such as `http://localhost:3000`; may be given several times.",
    ),
]
Patience = Annotated[
    float,
    typer.Option(
        min=1,
        metavar="SECONDS",
        help="How long a service that is busy, starting or away is asked again.",
    ),
]
PictureChoice = Literal[ImageFormat, "small"]
Picture = Annotated[
    PictureChoice,
    typer.Option("--picture", help="Format of the mel images; `small` has the fewest bytes."),
]
Quality = Annotated[
    int | None,
    typer.Option(min=0, max=100, help="Of lossy WebP and AVIF pictures: smaller is smaller."),
]
PrivacyChoice = Annotated[
    Privacy,
    typer.Option(
        "--privacy",
        help="How much of the voice is kept out of the pictures; costs words (docs/privacy.md).",
    ),
]
MelBins = Annotated[
    int,
    typer.Option(
        callback=_known_mel_bins,
        help="Height of the pictures: 80, or 128 for large-v3 and turbo.",
    ),
]
Vad = Annotated[
    DetectorName,
    typer.Option(
        "--vad",
        help="What finds speech in the picture: a small network, or edges; off sends everything.",
    ),
]
VadThreshold = Annotated[
    float | None,
    typer.Option(
        "--vad-threshold",
        min=0.01,
        max=0.99,
        help="Of the network: lower misses less, higher takes less for speech.",
    ),
]

Temperature = Annotated[
    float,
    typer.Option(
        min=0, max=1, help="0 to 1: how freely words are chosen; at 0, it rises where need be."
    ),
]
LineWidth = Annotated[
    int, typer.Option(min=8, help="Signs in a line of subtitles; those of East Asia count two.")
]
MostLines = Annotated[int, typer.Option(min=1, help="Lines of subtitles that are seen at once.")]
MostWords = Annotated[
    int | None,
    typer.Option(min=1, help="Words that are seen at once, by their own times; 1 is word by word."),
]


def activity_of(vad: DetectorName, threshold: float | None) -> VoiceActivity:
    """Return what decides where speech is.

    Raises
    ------
    typer.BadParameter
        If a threshold is named for what has none.
    """
    try:
        return VoiceActivity(vad, threshold)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--vad-threshold") from None


def encoding_of(picture: PictureChoice, quality: int | None) -> Encoding:
    """Return how pictures are to be written.

    Raises
    ------
    typer.BadParameter
        If there is no such quality.
    """
    try:
        if picture == "small":
            if quality is not None:
                raise MelImageError("`small` has its own quality; --picture webp takes another")
            return SMALL
        return Encoding(picture, quality)
    except MelImageError as error:
        raise typer.BadParameter(str(error), param_hint="--quality") from None


def service_at(
    url: str, api_key: str | None, insecure: bool = False, patience: float = 600.0
) -> AsyncClient:
    """Return a client of a service, which says when it has to wait.

    Parameters
    ----------
    url
        Where the service is.
    api_key
        Sent to it; that of `hush login` if None.
    insecure
        Whether a key may go to another machine over plain http.
    patience
        Seconds during which a service that does not answer is asked again.

    Raises
    ------
    typer.BadParameter
        If the address or the key cannot be one.
    """

    def say_wait(message: str, seconds: float) -> None:
        errors.print(f"{message}; trying again in {max(1, round(seconds))} s")

    try:
        return AsyncClient(
            url,
            api_key or _credential(url),
            on_wait=say_wait,
            insecure=insecure,
            patience=patience,
        )
    except ValueError as error:
        message = str(error).replace("say that it may be insecure", "--insecure")
        raise typer.BadParameter(message, param_hint="--url") from None


def _credential(url: str) -> str | None:
    try:
        place = origin(url)
    except CredentialError:
        return None  # not a place that a credential is sent to
    try:
        return credential(place)
    except CredentialError as error:
        report(error)
        return None


def missing(extra: str) -> typer.Exit:
    """Say which of hush's extras is not installed, and return what ends the command."""
    report(f"this wants more libraries: install hush with its extra {extra!r} (docs/install.md)")
    return typer.Exit(1)


def client_for(
    url: str | None,
    api_key: str | None,
    model: str | None,
    *,
    insecure: bool = False,
    patience: float = 600.0,
) -> AsyncClient:
    """Return a client of a service, or of a model in this process, once it is loaded.

    Parameters
    ----------
    url
        Where the service is; None for this process.
    api_key, insecure, patience
        As `service_at` has them.
    model
        Of this process, as `client_in_process` has it.

    Raises
    ------
    typer.BadParameter
        If the address, the key, the model or a setting cannot be one.
    typer.Exit
        If the model cannot be loaded, which is said.
    """
    if url:
        return service_at(url, api_key, insecure, patience)
    try:
        with errors.status(f"loading model {model}" if model else "loading the model"):
            return client_in_process(model)
    except MissingServiceError:
        report("say where the service is, with --url or HUSH_URL; or, to run it here:")
        raise missing("service") from None
    except UnknownModelError as error:
        raise typer.BadParameter(str(error), param_hint="--model") from None
    except WrongSettingError as error:
        raise typer.BadParameter(str(error), param_hint="HUSH_…") from None
    except InProcessError as error:
        report(error)
        raise typer.Exit(1) from None

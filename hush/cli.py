"""The command line: `hush transcribe`, `encode`, `decode`, `show`, `serve`, `bridge` and more."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx2
import numpy as np
import stamina.instrumentation
import typer

from hush import __version__, account
from hush.audio import AudioError, Recording
from hush.client import RECORDING_SEGMENT, AsyncClient, Options
from hush.connection import ServiceError
from hush.credentials import CredentialError, credential, origin
from hush.cutter import Cutter
from hush.folder import FolderIndex, read_index, replaced, write_index, write_pictures
from hush.image import SMALL, Encoding, Format, MelImageError, decode, encode, quantize
from hush.mel import MEL_BINS, Samples, log_mel_spectrogram
from hush.segments import segments
from hush.terminal import (
    Advance,
    errors,
    is_picture,
    opened,
    progress,
    report,
    stem_of,
    warn_if_damaged,
)
from hush.transcript import Transcript, TranscriptFormat, join

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Private speech-to-text: speech becomes a picture here, and only the picture is sent.",
)


def _known_mel_bins(value: int) -> int:
    if value not in MEL_BINS:
        raise typer.BadParameter("pictures are 80 or 128 pixels high")
    return value


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
Picture = Literal[Format, "small"]
PictureFormat = Annotated[
    Picture,
    typer.Option("--picture", help="Format of the mel images; `small` has the fewest bytes."),
]
Quality = Annotated[
    int | None,
    typer.Option(min=0, max=100, help="Of lossy WebP and AVIF pictures: smaller is smaller."),
]
MelBins = Annotated[
    int,
    typer.Option(
        callback=_known_mel_bins,
        help="Height of the pictures: 80, or 128 for large-v3 and turbo.",
    ),
]
Port = typer.Option(min=1, max=65535, help="Port to listen on.")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Take the options that come before a command."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


@app.command(no_args_is_help=True)
def transcribe(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="Audio, video, mel images, or `hush encode` folders; - is stdin."
        ),
    ],
    url: Url = None,
    api_key: ApiKey = None,
    model: Annotated[
        str | None,
        typer.Option(help="Model of the service; in this process, also the path of a checkpoint."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Such as `en` or `de`; detected if left out.")
    ] = None,
    translate: Annotated[bool, typer.Option("--translate", help="Into English.")] = False,
    prompt: Annotated[
        str | None, typer.Option(help="Words that came before, or names to expect.")
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="Times of words, in JSON.")] = False,
    form: Annotated[
        list[TranscriptFormat] | None,
        typer.Option("--format", "-f", help="Form of the transcript; may be given several times."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Write files there."),
    ] = None,
    picture: PictureFormat = "png",
    quality: Quality = None,
) -> None:
    """Turn speech into words.

    Audio stays here: the service gets pictures of its spectrogram.

    **Examples**

    - `hush transcribe talk.mp3`
    - `hush transcribe --url https://hush.example -f srt -f json -o subtitles *.mp4`
    - `ffmpeg -i rtsp://camera -t 60 -f wav - | hush transcribe -`
    """
    forms = form or [TranscriptFormat.TEXT]
    if output is None and len(forms) > 1:
        raise typer.BadParameter("several formats want --output FOLDER", param_hint="--format")
    targets = [None] * len(files) if output is None else _targets(files, output)
    encoding = _encoding(picture, quality)
    options = Options(
        model=model if url else None,
        language=language,
        task="translate" if translate else "transcribe",
        prompt=prompt,
        words=words,
    )
    client = _client(url, api_key, model)

    async def transcribe_all() -> bool:
        done = True
        async with client:
            for file, target in zip(files, targets, strict=True):
                if len(files) > 1 and target is None:
                    typer.echo(f"==> {file} <==")
                done &= await _transcribe(client, file, options, encoding, forms, target)
        return done

    if not asyncio.run(transcribe_all()):
        raise typer.Exit(1)


async def _transcribe(
    client: AsyncClient,
    file: Path,
    options: Options,
    encoding: Encoding,
    forms: list[TranscriptFormat],
    target: Path | None,
) -> bool:
    """Transcribe one file and write its words; return whether all went well."""
    done = True
    try:
        with progress(file.name) as advance:
            transcript = await _words_of(client, file, options, encoding, advance)
    except (AudioError, OSError) as error:
        return report(error)
    except MelImageError as error:
        return report(f"{file}: {error}")
    except ServiceError as error:
        done = report(f"{file}: {error}")
        if error.status == HTTPStatus.UNAUTHORIZED:
            errors.print("where people sign in to the service, `hush login URL` does it")
        if error.partial is None:
            return done
        transcript = error.partial
        report(f"{file}: what is written ends at {transcript.duration:.0f} s")
    if target is None:
        typer.echo(transcript.written(forms[0]), nl=False)
        return done
    try:
        for form in forms:
            written = target.with_name(target.name + _suffix(form))
            written.write_text(transcript.written(form), encoding="utf-8")
            errors.print(f"wrote {written}")
    except OSError as error:
        return report(error)
    return done


async def _words_of(
    client: AsyncClient, file: Path, options: Options, encoding: Encoding, advance: Advance
) -> Transcript:
    if file.is_dir():
        return await _words_of_folder(client, file, options, advance)
    if is_picture(file):
        return await client.transcribe(file.read_bytes(), options)
    with opened(file) as recording:
        transcript = await client.transcribe_audio(
            recording,
            options,
            encoding=encoding,
            on_progress=lambda newest: advance(newest.seconds, recording.duration),
        )
        warn_if_damaged(recording)
    return transcript


async def _words_of_folder(
    client: AsyncClient, folder: Path, options: Options, advance: Advance
) -> Transcript:
    index = read_index(folder)
    pictures = ((folder / segment.file).read_bytes() for segment in index.segments)
    parts: list[tuple[float, Transcript]] = []
    try:
        async for transcript in client.transcribe_each(pictures, options):
            segment = index.segments[len(parts)]
            parts.append((segment.start, transcript))
            advance(segment.end, index.duration)
    except (ServiceError, MelImageError, OSError) as error:
        failure = ServiceError(str(error))
        if parts:
            failure.partial = join(parts, index.segments[len(parts) - 1].end)
        raise failure from error
    return join(parts, index.duration)


@app.command("encode", no_args_is_help=True)
def encode_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Audio or video.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write.")
    ] = Path(),
    whole: Annotated[
        bool, typer.Option("--whole", help="One picture of it all (up to 10 minutes).")
    ] = False,
    mel_bins: MelBins = 80,
    picture: PictureFormat = "png",
    quality: Quality = None,
) -> None:
    """Turn speech into mel images, to store now and transcribe later.

    Writes a folder for each file, with a picture of each segment and an index, or one picture.

    **Examples**

    - `hush encode meeting.m4a`, then `hush transcribe meeting.mel`
    - `hush encode --whole --picture tga --output pictures note.wav`
    """
    encoding = _encoding(picture, quality)
    suffix = f".{encoding.format}" if whole else ".mel"
    done = True
    for file, target in zip(files, _targets(files, output, suffix), strict=True):
        try:
            with opened(file) as recording, progress(file.name) as advance:
                if whole:
                    samples = np.concatenate(list(_watched(recording, advance)))
                    spectrogram = log_mel_spectrogram(samples, mel_bins)
                    target.write_bytes(encode(quantize(spectrogram), encoding))
                else:
                    _encode_segments(recording, target, mel_bins, encoding, advance)
            warn_if_damaged(recording)
            typer.echo(target)
        except (AudioError, OSError) as error:
            done = report(error)
        except MelImageError as error:
            done = report(f"{file}: {error}")
    if not done:
        raise typer.Exit(1)


def _encode_segments(
    recording: Recording, folder: Path, mel_bins: int, encoding: Encoding, advance: Advance
) -> None:
    cut = segments(
        _watched(recording, advance), mel_bins, cutter=Cutter(shortest=RECORDING_SEGMENT)
    )
    with replaced(folder) as new:
        stored = write_pictures(new, cut, encoding)
        seconds = round(recording.seconds_read, 3)
        write_index(new, FolderIndex(Path(recording.name).name, mel_bins, seconds, stored))


@app.command("decode", no_args_is_help=True)
def decode_command(
    files: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Mel images.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write.")
    ] = Path(),
) -> None:
    """Turn mel images back into spectrograms, as NumPy's .npy: float32, (mel bins, frames).

    **Example**

    - `hush decode meeting.mel/0001.png`
    """
    done = True
    for file, target in zip(files, _targets(files, output, ".npy"), strict=True):
        try:
            np.save(target, decode(file.read_bytes()).spectrogram())
            typer.echo(target)
        except OSError as error:
            done = report(error)
        except MelImageError as error:
            done = report(f"{file}: {error}")
    if not done:
        raise typer.Exit(1)


@app.command(no_args_is_help=True)
def show(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Audio, video, a mel image, or a folder of them.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Picture: .png, .svg or .pdf."),
    ] = None,
    mel_bins: MelBins = 80,
) -> None:
    """Draw a spectrogram in colour, with axes and its segments marked.

    **Example**

    - `hush show talk.mp3 -o talk.png`
    """
    try:
        from hush.show import drawn, render
    except ImportError:
        raise _missing("show") from None
    target = output or Path(f"{stem_of(file)}-spectrogram.png")
    try:
        spectrogram, spans = drawn(file, mel_bins)
        render(spectrogram, spans, file.name, target)
    except (AudioError, OSError, ValueError) as error:
        report(error)
        raise typer.Exit(1) from None
    typer.echo(target)


@app.command()
def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="`demo`, one of OpenAI's names such as `base.en`, or the path of a checkpoint; may"
            " be given several times."
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, Port] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None,
) -> None:
    """Run the inference service. Other settings come from the environment: see docs/settings.md.

    **Examples**

    - `hush serve`
    - `hush serve --model base.en --model turbo`
    - `HUSH_API_KEY=… hush serve --host 0.0.0.0`
    """
    try:
        from hush_service.__main__ import run
    except ImportError:
        raise _missing("service") from None
    given: dict[str, Any] = {
        "models": tuple(model) if model else None,
        "host": host,
        "port": port,
        "device": device,
    }
    raise typer.Exit(run(**{name: value for name, value in given.items() if value is not None}))


app.command(no_args_is_help=True)(account.login)
app.command(no_args_is_help=True)(account.logout)
app.add_typer(account.keys, name="keys")


@app.command(no_args_is_help=True)
def bridge(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the service is.")],
    api_key: ApiKey = None,
    port: Annotated[int, Port] = 1338,
    picture: PictureFormat = "png",
    quality: Quality = None,
) -> None:
    """Serve OpenAI's audio API on loopback: takes audio, and forwards only pictures of it.

    Applications that know OpenAI's API become private without a change.

    **Example**

    - `hush bridge https://hush.example`, then `OPENAI_BASE_URL=http://127.0.0.1:1338/v1` for them
    """
    try:
        import uvicorn

        from hush.bridge import create_bridge
    except ImportError:
        raise _missing("bridge") from None
    client = _service_at(url, api_key)
    errors.print(f"set OPENAI_BASE_URL=http://127.0.0.1:{port}/v1; pictures go to {url}")
    with suppress(KeyboardInterrupt):  # uvicorn passes it on when it has stopped
        uvicorn.run(
            create_bridge(lambda: client, _encoding(picture, quality)),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=10,
        )


def _client(url: str | None, api_key: str | None, model: str | None) -> AsyncClient:
    return _in_this_process(model) if url is None else _service_at(url, api_key)


def _service_at(url: str, api_key: str | None) -> AsyncClient:
    def say_wait(message: str, seconds: float) -> None:
        errors.print(f"{message}; trying again in {max(1, round(seconds))} s")

    try:
        return AsyncClient(url, api_key or _credential(url), on_wait=say_wait)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from None


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


def _in_this_process(model: str | None) -> AsyncClient:
    """Return a client of a service that is a part of this process, with its model loaded."""
    try:
        from hush_service.core.served_models import ModelSettingError, ServedModels
        from hush_service.engine.loading import load_engine
        from hush_service.settings import ServiceSettings
        from hush_service.web.app import create_app
    except ImportError:
        report("say where the service is, with --url or HUSH_URL; or, to run it here:")
        raise _missing("service") from None
    try:
        # Of the service's settings, only those that are about the model count here.
        settings = ServiceSettings(
            models=(model or "demo",),
            host="127.0.0.1",
            port=0,
            api_key=None,
            queue_size=100,
            quota_table=None,
        )
        models = ServedModels(settings.models)
    except ModelSettingError as error:
        raise typer.BadParameter(str(error), param_hint="--model") from None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="HUSH_…") from None
    with errors.status(f"loading model {models.all[0].name}"):
        models.load(lambda source: load_engine(settings, source))
    if not models.ready:
        report(f"model {models.all[0].name} cannot be loaded: {models.all[0].problem}")
        raise typer.Exit(1)
    transport = httpx2.ASGITransport(app=create_app(settings, models))
    return AsyncClient("http://in-process", timeout=2 * settings.max_seconds, transport=transport)


def _targets(files: list[Path], folder: Path, suffix: str = "") -> list[Path]:
    """Return where to write what is made of each file, in a folder that can be written to."""
    stems = Counter(stem_of(file) for file in files)
    names = [file.name if stems[stem_of(file)] > 1 else stem_of(file) for file in files]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise typer.BadParameter(
            f"two files would be written as {twice[0]}{suffix}; do them one after the other, into"
            " different folders"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint="--output") from None
    return [folder / (name + suffix) for name in names]


def _encoding(picture: Picture, quality: int | None) -> Encoding:
    try:
        if picture == "small":
            if quality is not None:
                raise MelImageError("`small` has its own quality; --picture webp takes another")
            return SMALL
        return Encoding(picture, quality)
    except MelImageError as error:
        raise typer.BadParameter(str(error), param_hint="--quality") from None


def _missing(extra: str) -> typer.Exit:
    report(f"this wants more libraries: install hush with its extra {extra!r} (docs/install.md)")
    return typer.Exit(1)


def _suffix(form: TranscriptFormat) -> str:
    return ".txt" if form is TranscriptFormat.TEXT else f".{form}"


def _watched(recording: Recording, advance: Advance) -> Iterator[Samples]:
    for chunk in recording.chunks():
        yield chunk
        advance(recording.seconds_read, recording.duration)


def main() -> None:
    """Run the command line."""
    stamina.instrumentation.set_on_retry_hooks(())  # waits are said by `AsyncClient.on_wait`
    app()


if __name__ == "__main__":
    main()

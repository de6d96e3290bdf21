"""The command line: `hush transcribe`, `encode`, `decode`, `show`, `serve` and `bridge`."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import httpx2
import numpy as np
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from hush import __version__
from hush.audio import AudioError, Recording, open_audio
from hush.client import RECORDING_SEGMENT, AsyncClient, Options, ServiceError
from hush.folder import PictureFolder, read_index, write_index, write_pictures
from hush.image import FORMATS, Encoding, Format, MelImageError, decode, encode, quantize
from hush.mel import FRAMES_PER_SECOND, Spectrogram, log_mel_spectrogram
from hush.segments import Segment, segments
from hush.transcript import Transcript, TranscriptFormat, join
from hush.vad import Cutter

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Private speech-to-text: speech becomes a picture here, and only the picture is sent.",
)
errors = Console(stderr=True, highlight=False)

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
    typer.Option(envvar="HUSH_API_KEY", metavar="KEY", help="Key the service wants."),
]
PictureFormat = Annotated[Format, typer.Option("--picture", help="Format of the mel images.")]
Quality = Annotated[
    int | None,
    typer.Option(min=0, max=100, help="Of lossy WebP and AVIF pictures: smaller is smaller."),
]
MelBins = Annotated[
    int, typer.Option(help="Height of the pictures: 80, or 128 for large-v3 and turbo.")
]


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
            metavar="FILE",
            help="Audio, video, mel images, or folders of `hush encode`; - is stdin.",
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
    options = Options(
        model=model if url else None,
        language=language,
        task="translate" if translate else "transcribe",
        prompt=prompt,
        words=words,
    )
    client = _client(url, api_key, model)
    work = _transcribe_files(client, files, options, forms, output, _encoding(picture, quality))
    if not asyncio.run(work):
        raise typer.Exit(1)


async def _transcribe_files(
    client: AsyncClient,
    files: list[Path],
    options: Options,
    forms: list[TranscriptFormat],
    output: Path | None,
    encoding: Encoding,
) -> bool:
    """Transcribe file by file; what fails does not keep the others from being done."""
    stems = Counter(file.stem for file in files)
    done = True
    async with client:
        for file in files:
            transcript: Transcript | None = None
            try:
                with _progress(file.name) as (bar, task):
                    transcript = await _transcribe_file(client, file, options, encoding, bar, task)
            except (AudioError, MelImageError, OSError) as error:
                done = _report(error)
            except ServiceError as error:
                done = _report(f"{file}: {error}")
                transcript = error.partial
                if transcript is not None:
                    _report(f"{file}: what follows ends at {transcript.duration:.0f} s")
            if transcript is None:
                continue
            if output is None:
                if len(files) > 1:
                    typer.echo(f"==> {file} <==")
                typer.echo(transcript.written(forms[0]), nl=False)
                continue
            output.mkdir(parents=True, exist_ok=True)
            name = file.stem if stems[file.stem] == 1 else file.name
            for form in forms:
                target = output / (name + _suffix(form))
                target.write_text(transcript.written(form), encoding="utf-8")
                errors.print(f"wrote {target}", soft_wrap=True)
    return done


async def _transcribe_file(
    client: AsyncClient,
    file: Path,
    options: Options,
    encoding: Encoding,
    bar: Progress,
    task: TaskID,
) -> Transcript:
    if file.is_dir():
        index = read_index(file)
        bar.update(task, total=index.duration)
        images = ((file / segment.file).read_bytes() for segment in index.segments)
        parts: list[tuple[float, Transcript]] = []
        async for transcript in client.transcribe_each(images, options):
            segment = index.segments[len(parts)]
            parts.append((segment.start, transcript))
            bar.update(task, completed=segment.end)
        return join(parts, index.duration)
    if _is_picture(file):
        return await client.transcribe(file.read_bytes(), options)
    with _opened(file) as recording:
        bar.update(task, total=recording.duration)
        transcript = await client.transcribe_audio(
            recording,
            options,
            encoding=encoding,
            on_progress=lambda progress: bar.update(task, completed=progress.seconds),
        )
        _warn_if_damaged(recording)
    return transcript


@app.command("encode", no_args_is_help=True)
def encode_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Audio or video; - is stdin.")
    ],
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
    done = True
    for file in files:
        try:
            with _opened(file) as recording, _progress(file.name) as (bar, task):
                bar.update(task, total=recording.duration)
                if whole:
                    samples = np.concatenate(list(_watched(recording, bar, task)))
                    spectrogram = log_mel_spectrogram(samples, mel_bins)
                    data = encode(quantize(spectrogram), encoding)
                    target = output / f"{file.stem}.{picture}"
                    output.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
                else:
                    target = output / f"{file.stem}.mel"
                    chunks = _watched(recording, bar, task)
                    cutter = Cutter(shortest=RECORDING_SEGMENT)
                    cut = segments(chunks, mel_bins, cutter=cutter)
                    stored = write_pictures(target, cut, encoding)
                    index = PictureFolder(
                        file.name, mel_bins, round(recording.seconds_read, 3), tuple(stored)
                    )
                    write_index(target, index)
                _warn_if_damaged(recording)
            typer.echo(target)
        except (AudioError, MelImageError, OSError) as error:
            done = _report(error if isinstance(error, OSError | AudioError) else f"{file}: {error}")
    if not done:
        raise typer.Exit(1)


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
    for file in files:
        try:
            spectrogram = decode(file.read_bytes()).spectrogram()
            output.mkdir(parents=True, exist_ok=True)
            target = output / f"{file.stem}.npy"
            np.save(target, spectrogram)
            typer.echo(target)
        except OSError as error:
            done = _report(error)
        except MelImageError as error:
            done = _report(f"{file}: {error}")
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
        from hush.show import render
    except ImportError:
        raise _missing("show") from None
    target = output or Path(f"{file.stem}-spectrogram.png")
    try:
        spectrogram, spans = _drawn(file, mel_bins)
        render(spectrogram, spans, file.name, target)
    except (AudioError, OSError, ValueError) as error:
        _report(error)
        raise typer.Exit(1) from None
    typer.echo(target)


def _drawn(file: Path, mel_bins: int) -> tuple[Spectrogram, list[tuple[float, float]]]:
    if file.is_dir():
        index = read_index(file)
        frames = round(index.duration * FRAMES_PER_SECOND)
        pictures = [decode((file / segment.file).read_bytes()) for segment in index.segments]
        lowest = min((picture.minimum for picture in pictures), default=0.0)
        spectrogram = np.full((index.mel_bins, frames), lowest, np.float32)
        for segment, picture in zip(index.segments, pictures, strict=True):
            start = round(segment.start * FRAMES_PER_SECOND)
            place = spectrogram[:, start : start + picture.frames]
            place[:] = picture.spectrogram()[:, : place.shape[1]]
        return spectrogram, [(segment.start, segment.end) for segment in index.segments]
    if _is_picture(file):
        return decode(file.read_bytes()).spectrogram(), []
    with _opened(file) as recording:
        samples = np.concatenate(list(recording.chunks(seconds=60)))
    cut: list[Segment] = list(segments([samples], mel_bins))
    return log_mel_spectrogram(samples, mel_bins), [(one.start, one.end) for one in cut]


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
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None,
) -> None:
    """Run the inference service. Other settings come from the environment: see docs/settings.md.

    **Examples**

    - `hush serve`
    - `hush serve --model base.en --model turbo`
    - `HUSH_API_KEY=… hush serve --host 0.0.0.0`
    """
    try:
        from service.__main__ import run
    except ImportError:
        raise _missing("service") from None
    given: dict[str, Any] = {
        "models": tuple(model) if model else None,
        "host": host,
        "port": port,
        "device": device,
    }
    raise typer.Exit(run(**{name: value for name, value in given.items() if value is not None}))


@app.command(no_args_is_help=True)
def bridge(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the service is.")],
    api_key: ApiKey = None,
    port: Annotated[int, typer.Option(help="Port on loopback to listen on.")] = 1338,
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

    def connect() -> AsyncClient:
        return AsyncClient(url, api_key, on_wait=_say_wait)

    errors.print(f"set OPENAI_BASE_URL=http://127.0.0.1:{port}/v1; pictures go to {url}")
    with suppress(KeyboardInterrupt):  # uvicorn passes it on when it has stopped
        uvicorn.run(
            create_bridge(connect, _encoding(picture, quality)),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=10,
        )


def _client(url: str | None, api_key: str | None, model: str | None) -> AsyncClient:
    if url is not None:
        return AsyncClient(url, api_key, on_wait=_say_wait)
    try:
        from service.app import create_app
        from service.models import Models, UnknownModelError
        from service.server import load_engine, official_models
        from service.settings import Settings
    except ImportError:
        errors.print("say where the service is, with --url or HUSH_URL; or, to run it here:")
        raise _missing("service") from None
    settings = Settings(models=(model or "demo",), host="127.0.0.1", api_key=None)
    try:
        models = Models(settings.models, official_models)
    except UnknownModelError as error:
        raise typer.BadParameter(str(error), param_hint="--model") from None
    with errors.status(f"loading model {models.all[0].name}"):
        models.load(lambda source: load_engine(settings, source))
    if not models.ready:
        raise SystemExit(f"model {models.all[0].name}: {models.all[0].problem}")
    transport = httpx2.ASGITransport(app=create_app(settings, models))
    return AsyncClient("http://in-process", timeout=settings.max_seconds, transport=transport)


def _encoding(picture: Format, quality: int | None) -> Encoding:
    try:
        return Encoding(picture, quality)
    except MelImageError as error:
        raise typer.BadParameter(str(error), param_hint="--quality") from None


def _missing(extra: str) -> SystemExit:
    return SystemExit(f"this wants more libraries: pip install 'hush[{extra}]'")


def _say_wait(message: str, seconds: float) -> None:
    errors.print(f"{message}; trying again in {seconds:.0f} s")


def _report(problem: object) -> bool:
    errors.print(f"[red]{problem}[/red]", soft_wrap=True)
    return False


def _suffix(form: TranscriptFormat) -> str:
    return ".txt" if form is TranscriptFormat.TEXT else f".{form}"


def _is_picture(file: Path) -> bool:
    return file.suffix.lower().removeprefix(".") in FORMATS


@contextmanager
def _opened(file: Path) -> Iterator[Recording]:
    if str(file) == "-":
        with open_audio(sys.stdin.buffer, "standard input") as recording:
            yield recording
    else:
        with open_audio(file) as recording:
            yield recording


def _watched(recording: Recording, bar: Progress, task: TaskID) -> Iterator[Any]:
    for chunk in recording.chunks():
        yield chunk
        bar.update(task, completed=recording.seconds_read)


def _warn_if_damaged(recording: Recording) -> None:
    if recording.seconds_lost:
        _report(
            f"{recording.name}: damaged; {recording.seconds_lost:.0f} of"
            f" {recording.duration or 0:.0f} s could not be read"
        )


@contextmanager
def _progress(name: str) -> Iterator[tuple[Progress, TaskID]]:
    """Show a bar with the time left while something long is under way, and remove it then."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
    )
    with bar:
        yield bar, bar.add_task(name, total=None)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()

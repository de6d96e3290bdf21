"""The command line: `hush transcribe`, `encode`, `decode`, `show`, `serve`, `bridge` and more."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import stamina.instrumentation
import typer

from hush import __version__, account, listen_command, models_command
from hush.application import Application
from hush.arguments import (
    AllowedHosts,
    AllowedOrigins,
    ApiKey,
    Insecure,
    LineWidth,
    MelBins,
    MostLines,
    MostWords,
    Patience,
    Picture,
    Quality,
    Temperature,
    Url,
    Vad,
    VadThreshold,
    activity_of,
    client_for,
    encoding_of,
    missing,
    service_at,
)
from hush.attempts import Attempts, targets
from hush.audio import AudioError, Recording
from hush.client import AsyncClient, Options, Progress
from hush.connection import ServiceError
from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.folder import (
    FolderError,
    FolderIndex,
    read_index,
    read_picture,
    replaced,
    write_index,
    write_pictures,
)
from hush.image import Encoding, decode, encode, quantize
from hush.inputs import Channel, Heard, Raw, SpeakersByChannel, Track, source, with_folders_opened
from hush.mel import Samples, log_mel_spectrogram
from hush.output import Output
from hush.segments import Segment, VoiceActivity, segments
from hush.sound.spool import most_kept
from hush.subtitles import Layout
from hush.terminal import (
    Advance,
    errors,
    is_picture,
    name_of,
    opened,
    progress,
    report,
    stem_of,
    warn_if_damaged,
)
from hush.transcript import Transcript, TranscriptFormat
from hush.wording import in_words, without_speech, without_words

app = Application(
    no_args_is_help=True,
    help="Private speech-to-text: speech becomes a picture here, and only the picture is sent.",
)


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
            parser=source,
            metavar="FILE",
            help="Audio, video, mel images, folders of them, or http(s) addresses; - is stdin.",
        ),
    ],
    url: Url = None,
    api_key: ApiKey = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model of the service; in this process, a name of `hush models`, `base` if left"
            " out, or the path of a model."
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Such as `en` or `de`; detected if left out.")
    ] = None,
    translate: Annotated[bool, typer.Option("--translate", help="Into English.")] = False,
    prompt: Annotated[
        str | None, typer.Option(help="Words that came before, or names to expect.")
    ] = None,
    temperature: Temperature = 0.0,
    words: Annotated[
        bool,
        typer.Option(
            "--words",
            help="Times of words: in JSON with how sure the model is, in WebVTT within the text;"
            " subtitles are cut by them.",
        ),
    ] = False,
    max_line_width: LineWidth = 42,
    max_lines: MostLines = 2,
    max_words: MostWords = None,
    form: Annotated[
        list[TranscriptFormat] | None,
        typer.Option("--format", "-f", help="Form of the transcript; may be given several times."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Write files there."),
    ] = None,
    picture: Picture = "png",
    quality: Quality = None,
    track: Track = None,
    channel: Channel = None,
    speakers_by_channel: SpeakersByChannel = False,
    raw: Raw = None,
    vad: Vad = "network",
    vad_threshold: VadThreshold = None,
    patience: Patience = 600.0,
    insecure: Insecure = False,
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
    if speakers_by_channel and channel is not None:
        raise typer.BadParameter("one channel has one speaker", param_hint="--speakers-by-channel")
    heard = Heard(track, channel, raw, speakers_by_channel)
    files = with_folders_opened(files)
    stems = [None] * len(files) if output is None else targets(files, output)
    encoding = encoding_of(picture, quality)
    activity = activity_of(vad, vad_threshold)
    options = Options(
        model=model if url else None,
        language=language,
        task="translate" if translate else "transcribe",
        prompt=prompt,
        temperature=temperature,
        words=words or max_words is not None,
    )
    layout = Layout(max_line_width, max_lines, max_words, word_times=words)
    attempts = Attempts()
    jobs = [
        (file, stem)
        for file, stem in zip(files, stems, strict=True)
        if attempts.readable(file, folders=True)
    ]

    async def transcribe_all(client: AsyncClient) -> None:
        async with client:
            for file, stem in jobs:
                if stem is None and len(files) > 1:
                    typer.echo(f"==> {file} <==")
                output = Output(forms, layout, stem)
                transcript = await _words_of(
                    attempts, client, file, options, encoding, heard, activity, output
                )
                with attempts.on(file):
                    if transcript is None:
                        output.interrupt()
                        continue
                    output.finish(transcript)
                if transcript.unheard:
                    report(f"{name_of(file)}: {without_words(transcript.unheard)}")
                elif not transcript.text.strip():
                    errors.print(without_speech(name_of(file)))

    if jobs:
        client = client_for(url, api_key, model, insecure=insecure, patience=patience)
        asyncio.run(transcribe_all(client))
    attempts.end()


async def _words_of(
    attempts: Attempts,
    client: AsyncClient,
    file: Path,
    options: Options,
    encoding: Encoding,
    heard: Heard,
    activity: VoiceActivity,
    output: Output,
) -> Transcript | None:
    """Return a file's words, or those until something went wrong; None if there are none."""
    partial = None
    with attempts.on(file), progress(file.name) as bar:

        def hear(newest: Progress, seconds: float | None) -> None:
            if output.is_running and sys.stdout.isatty():
                bar.hide()  # where the words themselves are seen
            (output.keep if heard.apart else output.hear)(newest)
            bar(newest.seconds, seconds)

        try:
            if file.is_dir():
                duration = read_index(file).duration
                return await client.transcribe_folder(
                    file, options, on_progress=lambda newest: hear(newest, duration)
                )
            if is_picture(file):
                return await client.transcribe(read_picture(file), options)
            with opened(file, heard, output.interrupt) as recording:
                work = client.transcribe_speakers if heard.apart else client.transcribe_audio
                transcript = await work(
                    recording,
                    options,
                    encoding=encoding,
                    detector=activity,
                    on_progress=lambda newest: hear(newest, recording.duration),
                )
                warn_if_damaged(recording)
            return transcript
        except (ServiceError, FolderError, AudioError) as error:
            partial = error.partial
            raise
        except asyncio.CancelledError:  # Ctrl-C
            output.interrupt()
            raise
    if partial is not None:
        report(f"{name_of(file)}: what is written ends at {partial.duration:.0f} s")
    return partial


@app.command("encode", no_args_is_help=True)
def encode_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            parser=source,
            metavar="FILE",
            help="Audio, video, folders of them, or http(s) addresses; - is stdin.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write.")
    ] = Path(),
    whole: Annotated[
        bool, typer.Option("--whole", help="One picture of it all (up to 10 minutes).")
    ] = False,
    mel_bins: MelBins = 80,
    picture: Picture = "png",
    quality: Quality = None,
    track: Track = None,
    channel: Channel = None,
    raw: Raw = None,
    vad: Vad = "network",
    vad_threshold: VadThreshold = None,
) -> None:
    """Turn speech into mel images, to store now and transcribe later.

    Writes a folder for each file, with a picture of each segment and an index, or one picture.

    **Examples**

    - `hush encode meeting.m4a`, then `hush transcribe meeting.mel`
    - `hush encode --whole --picture tga --output pictures note.wav`
    """
    encoding = encoding_of(picture, quality)
    suffix = f".{encoding.format}" if whole else ".mel"
    files = with_folders_opened(files)
    heard = Heard(track, channel, raw)
    activity = activity_of(vad, vad_threshold)
    made = zip(files, targets(files, output, suffix), strict=True)
    attempts = Attempts()
    for file, target in [job for job in made if attempts.readable(job[0])]:
        with attempts.on(file):
            with opened(file, heard) as recording, progress(file.name) as advance:
                if whole:
                    samples = np.concatenate(list(_watched(recording, advance)))
                    spectrogram = log_mel_spectrogram(samples, mel_bins)
                    target.write_bytes(encode(quantize(spectrogram), encoding))
                else:
                    cut = segments(
                        _watched(recording, advance),
                        mel_bins,
                        activity,
                        Cutter(shortest=RECORDING_SEGMENT),
                    )
                    _encode_segments(recording, cut, target, mel_bins, encoding)
            warn_if_damaged(recording)
            typer.echo(target)
    attempts.end()


def _encode_segments(
    recording: Recording, cut: Iterator[Segment], folder: Path, mel_bins: int, encoding: Encoding
) -> None:
    with replaced(folder) as new:
        stored = write_pictures(new, cut, encoding)
        seconds = round(recording.seconds_read, 3)
        write_index(new, FolderIndex(Path(recording.name).name, mel_bins, seconds, stored))
    if not stored:
        errors.print(without_speech(recording.name))


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
    made = zip(files, targets(files, output, ".npy"), strict=True)
    attempts = Attempts()
    for file, target in [job for job in made if attempts.readable(job[0])]:
        with attempts.on(file):
            np.save(target, decode(read_picture(file)).spectrogram())
            typer.echo(target)
    attempts.end()


@app.command(no_args_is_help=True)
def show(
    file: Annotated[
        Path,
        typer.Argument(
            parser=source,
            metavar="FILE",
            help="Audio, video, a mel image, a folder of them, or an http(s) address.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Picture: .png, .svg or .pdf."),
    ] = None,
    mel_bins: MelBins = 80,
    vad: Annotated[
        bool,
        typer.Option(
            "--vad",
            help="Draw below how probable speech is, and labels that lie beside the recording"
            " (.scv, as TEN-VAD's).",
        ),
    ] = False,
) -> None:
    """Draw a spectrogram in colour, with axes and its segments marked.

    **Examples**

    - `hush show talk.mp3 -o talk.png`
    - `hush show --vad talk.wav`
    """
    try:
        from hush.show import ENDINGS, drawn, render
    except ImportError:
        raise missing("show") from None
    target = output or Path(f"{stem_of(file)}-spectrogram.png")
    if target.suffix not in ENDINGS:
        raise typer.BadParameter(
            f"{target} ends in none of .png, .svg, .pdf", param_hint="--output"
        )
    attempts = Attempts()
    if attempts.readable(file, folders=True):
        with attempts.on(file):
            render(drawn(file, mel_bins, voice_activity=vad), file.name, target)
            typer.echo(target)
    attempts.end()


@app.command()
def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A name of `hush models`, or the path of a model; `base` if left out. May be given"
            " several times."
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, Port] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None,
) -> None:
    """Run the inference service. Other settings come from the environment: see docs/settings.md.

    **Examples**

    - `hush serve`
    - `hush serve --model base --model turbo`
    - `HUSH_API_KEY=… hush serve --host 0.0.0.0`
    """
    try:
        from hush_service.__main__ import run
    except ImportError:
        raise missing("service") from None
    given: dict[str, Any] = {
        "models": tuple(model) if model else None,
        "host": host,
        "port": port,
        "device": device,
    }
    raise typer.Exit(run(**{name: value for name, value in given.items() if value is not None}))


app.command()(listen_command.listen)
app.command(no_args_is_help=True)(account.login)
app.command(no_args_is_help=True)(account.logout)
app.add_typer(account.keys, name="keys")
app.add_typer(models_command.app, name="models")


@app.command(no_args_is_help=True)
def bridge(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the service is.")],
    api_key: ApiKey = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port to listen on: 1338, or 10300 for Wyoming."),
    ] = None,
    wyoming: Annotated[
        bool,
        typer.Option("--wyoming", help="Speak Wyoming, for Home Assistant, and not OpenAI's API."),
    ] = False,
    host: Annotated[
        str,
        typer.Option(help="Address that Wyoming listens on; 0.0.0.0 for other machines at home."),
    ] = "127.0.0.1",
    picture: Picture = "png",
    quality: Quality = None,
    allow_host: AllowedHosts = None,
    allow_origin: AllowedOrigins = None,
    patience: Patience = 600.0,
    insecure: Insecure = False,
) -> None:
    """Serve OpenAI's audio API on loopback: takes audio, and forwards only pictures of it.

    Applications that know OpenAI's API, or Home Assistant, become private without a change. Web
    pages are refused, and so are other names of this machine, unless they are allowed.

    **Examples**

    - `hush bridge https://hush.example`, then `OPENAI_BASE_URL=http://127.0.0.1:1338/v1` for them
    - `hush bridge https://hush.example --wyoming --host 0.0.0.0`, then Home Assistant's integration
      "Wyoming Protocol" with this machine and port 10300
    """
    encoding = encoding_of(picture, quality)
    if wyoming:
        _bridge_wyoming(service_at(url, api_key, insecure, patience), host, port, encoding)
        return
    if host != "127.0.0.1":
        raise typer.BadParameter("OpenAI's API is for this machine alone", param_hint="--host")
    try:
        import uvicorn

        from hush.bridge import create_bridge
    except ImportError:
        raise missing("bridge") from None
    client = service_at(url, api_key, insecure, patience)
    port = port or 1338
    errors.print(f"set OPENAI_BASE_URL=http://127.0.0.1:{port}/v1; pictures go to {url}")
    with suppress(KeyboardInterrupt):  # uvicorn passes it on when it has stopped
        uvicorn.run(
            create_bridge(
                lambda: client,
                encoding,
                allowed_hosts=allow_host or (),
                allowed_origins=allow_origin or (),
                most_bytes=most_kept(),
            ),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=10,
        )


def _bridge_wyoming(client: AsyncClient, host: str, port: int | None, encoding: Encoding) -> None:
    try:
        from hush.wyoming_bridge import PORT, serve
    except ImportError:
        raise missing("wyoming") from None
    port = port or PORT
    errors.print(f"Wyoming listens on {host}, port {port}; only pictures go on")
    try:
        asyncio.run(serve(client, host, port, encoding))
    except KeyboardInterrupt:
        pass
    except OSError as error:
        report(f"{host}, port {port}: {in_words(error)}")
        raise typer.Exit(1) from None


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

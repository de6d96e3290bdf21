"""`hush transcribe`: recordings and pictures to words."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from hush.arguments import (
    ApiKey,
    Insecure,
    LineWidth,
    MostLines,
    MostWords,
    Patience,
    Picture,
    PrivacyChoice,
    Quality,
    Temperature,
    Url,
    Vad,
    VadThreshold,
    activity_of,
    client_for,
    encoding_of,
)
from hush.asking import Options
from hush.attempts import Attempts, targets
from hush.audio import AudioError
from hush.client import AsyncClient
from hush.connection import ServiceError
from hush.disguise import Privacy
from hush.folder import FolderError, read_index, read_picture
from hush.image import Encoding
from hush.inputs import Channel, Heard, Raw, SpeakersByChannel, Track, source, with_folders_opened
from hush.output import Output
from hush.segments import VoiceActivity
from hush.sending import Progress
from hush.subtitles import Layout
from hush.terminal import errors, is_picture, name_of, opened, progress, report, warn_if_damaged
from hush.transcript import Transcript, TranscriptFormat
from hush.wording import without_speech, without_words


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
    privacy: PrivacyChoice = "off",
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
                    attempts, client, file, options, encoding, heard, activity, privacy, output
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
    privacy: Privacy,
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
            if privacy != "off" and (file.is_dir() or is_picture(file)):
                errors.print(
                    f"{name_of(file)} is sent as it was encoded: `hush encode --privacy {privacy}`"
                    " disguises voices"
                )
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
                    privacy=privacy,
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

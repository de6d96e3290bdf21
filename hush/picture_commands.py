"""`hush encode`, `decode` and `show`: recordings to pictures and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hush.arguments import (
    MelBins,
    Picture,
    PrivacyChoice,
    Quality,
    Vad,
    VadThreshold,
    activity_of,
    encoding_of,
    missing,
)
from hush.attempts import Attempts, targets
from hush.audio import Recording
from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.disguise import Disguise
from hush.folder import FolderIndex, read_picture, replaced, write_index, write_pictures
from hush.image import Encoding, decode, encode, quantize
from hush.inputs import Channel, Heard, Raw, Track, source, with_folders_opened
from hush.mel import Samples, log_mel, normalize
from hush.segments import Segment, segments
from hush.terminal import Advance, errors, opened, progress, stem_of, warn_if_damaged
from hush.wording import without_speech


def encode_recordings(
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
    privacy: PrivacyChoice = "off",
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
                disguise = Disguise.drawn(privacy)
                if whole:
                    samples = np.concatenate(list(_watched(recording, advance)))
                    spectrogram = log_mel(samples, mel_bins)
                    if disguise is not None:
                        spectrogram = disguise.of(spectrogram)
                    target.write_bytes(encode(quantize(normalize(spectrogram)), encoding))
                else:
                    cut = segments(
                        _watched(recording, advance),
                        mel_bins,
                        activity,
                        Cutter(shortest=RECORDING_SEGMENT),
                        disguise,
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


def decode_pictures(
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


def _watched(recording: Recording, advance: Advance) -> Iterator[Samples]:
    for chunk in recording.chunks():
        yield chunk
        advance(recording.seconds_read, recording.duration)

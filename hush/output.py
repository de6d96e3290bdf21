"""Where the words of a recording go: to standard output as they come, or into files at the end."""

from pathlib import Path

import typer

from hush.sending import Progress
from hush.speakers import in_turns
from hush.subtitles import Layout
from hush.terminal import errors
from hush.transcript import RunningTranscript, Transcript, TranscriptFormat, join


class Output:
    """Takes the words of one recording.

    Parameters
    ----------
    forms
        In which they are written: one on standard output, any number in files.
    layout
        Of subtitles.
    stem
        What the files' names begin with; standard output if None.
    """

    def __init__(
        self, forms: list[TranscriptFormat], layout: Layout, stem: Path | None = None
    ) -> None:
        self._forms = forms
        self._layout = layout
        self._stem = stem
        self._parts: list[Transcript] = []
        self._kept: list[Transcript] = []
        self._seconds = 0.0
        self._running: RunningTranscript | None = None
        if stem is None and forms[0] is not TranscriptFormat.JSON:
            self._running = RunningTranscript(forms[0], layout)

    @property
    def is_running(self) -> bool:
        """Whether words are written as they come."""
        return self._running is not None

    def hear(self, progress: Progress) -> None:
        """Take the newest words."""
        self._seconds = progress.seconds
        self._add(progress.transcript)

    def keep(self, progress: Progress) -> None:
        """Take the newest words of a call: its turns are put in order at the end."""
        self._seconds = progress.seconds
        self._kept.append(progress.transcript)

    def _add(self, part: Transcript) -> None:
        self._parts.append(part)
        if self._running is not None:
            _print(self._running.add(part))

    def finish(self, whole: Transcript) -> None:
        """Write the words of it all, or what of them is not written yet.

        Raises
        ------
        OSError
            If a file cannot be written.
        """
        if self._running is not None:
            if not self._parts:
                self._add(whole)
            _print(self._running.end())
        elif self._stem is None:
            _print(whole.written(self._forms[0]))
        else:
            self._write(whole, self._stem)

    def interrupt(self) -> None:
        """Write what there is, if there is something, since no more will come.

        Raises
        ------
        OSError
            If a file cannot be written.
        """
        if self._parts:
            self.finish(join([(0.0, part) for part in self._parts], self._seconds))
        elif self._kept:
            self.finish(in_turns(join([(0.0, part) for part in self._kept], self._seconds)))

    def _write(self, whole: Transcript, stem: Path) -> None:
        for form in self._forms:
            suffix = ".txt" if form is TranscriptFormat.TEXT else f".{form}"
            written = stem.with_name(stem.name + suffix)
            written.write_text(whole.written(form, self._layout), encoding="utf-8")
            errors.print(f"wrote {written}")


def _print(text: str) -> None:
    typer.echo(text, nl=False)  # which also flushes

"""`shoplens transcribe`: what is said in recordings, and in what a microphone gives."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit
from shoplens.errors import InputError

if TYPE_CHECKING:
    from shoplens.encoders.speech import Segment

STDIN = Path("-")
CHUNK = 16_000  # bytes, at most: half a second of bare samples


@app.command()
def transcribe(
    file: Annotated[Path, typer.Argument(help="A sound or video file; - reads from stdin as it comes.")],
    workspace: WorkspaceOption = Path("."),
    language: Annotated[str | None, typer.Option(help="Of the speech, such as en or zh. Default: detected.")] = None,
    words: Annotated[
        bool, typer.Option("--words", help="With --json: also when each word was said. Files only.")
    ] = False,
    rate: Annotated[
        int | None, typer.Option(help="Stdin is bare 16-bit mono samples, so many a second (8000 to 48000).")
    ] = None,
    form: Annotated[
        Literal["lines", "text", "srt", "vtt"],
        typer.Option("--format", help="lines: times and words; text: words alone; srt, vtt: subtitles."),
    ] = "lines",
    json: JsonFlag = False,
) -> None:
    """Print what is said in a recording, each segment as soon as it is understood.

    Nothing but the settings of a workspace is read, and without one the default ones hold. Needs the extra `speech`.

    `shoplens transcribe call.m4a`

    `arecord -f S16_LE -r 16000 -t raw | shoplens transcribe - --rate 16000`

    `shoplens transcribe film.mp4 --format srt > film.srt`
    """
    from shoplens.http.wire.audio import said, segment_json, subtitles
    from shoplens.service.listening import transcribe as listen
    from shoplens.service.settings import FILE_NAME
    from shoplens.service.workspace import Workspace

    live = file == STDIN
    if not live and rate is not None:
        raise InputError(f"--rate is for stdin: shoplens transcribe - --rate {rate}")
    if not live and not file.is_file():
        raise InputError(f"{file}: {'a folder; name one file' if file.is_dir() else 'no such file'}")
    if live and words:
        raise InputError("--words needs a file; a stream has times of segments only")
    shop = Workspace.open(workspace) if (workspace / FILE_NAME).exists() else None
    at_once = not json and form in ("lines", "text")
    heard: list[Segment] = []
    with console.status("listening …") as status:

        def guess(text: str) -> None:
            status.update(Text(f"… {text}"))

        for segment in listen(
            _stdin() if live else file, workspace=shop, language=language, words=words, rate=rate,
            partial=guess if live else None,
        ):  # fmt: skip
            heard.append(segment)
            if at_once:
                times = f"{segment.start:7.1f} – {segment.end:.1f}  " if form == "lines" else ""
                sys.stdout.write(f"{times}{segment.text}\n")
                sys.stdout.flush()
                status.update("listening …")
    if json:
        segments: list[dict[str, Any]] = [segment_json(number, one) for number, one in enumerate(heard)]
        if words:
            for plain, one in zip(segments, heard, strict=True):
                plain["words"] = [{"word": word.text, "start": word.start, "end": word.end} for word in one.words]
        spoken = heard[0].language if heard else ""
        emit({"text": said(heard), "language": spoken, "segments": segments}, json=True)
    elif form in ("srt", "vtt"):
        sys.stdout.write(subtitles(heard, "srt" if form == "srt" else "vtt"))
    if not heard:
        console.print("nobody speaks in this recording", style="dim")


def _stdin() -> Iterator[bytes]:
    """What stdin gives, as soon as it gives it."""
    stream = sys.stdin.buffer
    read = getattr(stream, "read1", stream.read)
    while chunk := read(CHUNK):
        yield chunk

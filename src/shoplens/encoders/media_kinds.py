"""Tells what a file is by its content; its name is not asked.

Only what is named here reaches a decoder, and FFmpeg is told the format instead of guessing it: left to guess, it knows
three hundred formats, among them playlists that open other files and addresses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shoplens.errors import InputError, UnsafeInputError

HEAD_BYTES = 4_096  # of a file that are looked at


@dataclass(frozen=True, slots=True)
class Kind:
    """A format: its family, its name for people, and FFmpeg's name of what reads it."""

    family: str  # "photo", "animation" (a photo format that may move), "film" (video or sound) or "sound"
    name: str
    demuxer: str = ""


_MP4 = Kind("film", "MP4", "mov")
_MATROSKA = Kind("film", "Matroska/WebM", "matroska")
_MP3 = Kind("sound", "MP3", "mp3")

#: Bytes at the beginning → what it is.
_BEGINNINGS: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", Kind("photo", "JPEG")),
    (b"\x89PNG\r\n\x1a\n", Kind("animation", "PNG")),
    (b"GIF8", Kind("animation", "GIF")),
    (b"II*\0", Kind("photo", "TIFF")),
    (b"MM\0*", Kind("photo", "TIFF")),
    (b"\x1a\x45\xdf\xa3", _MATROSKA),
    (b"OggS", Kind("film", "Ogg", "ogg")),
    (b"\x00\x00\x01\xba", Kind("film", "MPEG", "mpeg")),
    (b"fLaC", Kind("sound", "FLAC", "flac")),
    (b"ID3", _MP3),
    (b"#!AMR", Kind("sound", "AMR", "amr")),
    (b"caff", Kind("sound", "CAF", "caf")),
)

_RIFF = {
    b"WEBP": Kind("animation", "WebP"),
    b"WAVE": Kind("sound", "WAV", "wav"),
    b"AVI ": Kind("film", "AVI", "avi"),
}

#: Playlists and descriptions of streams: they hold no pictures, but the addresses of files to be opened.
_PLAYLISTS: tuple[tuple[bytes, str], ...] = (
    (b"#extm3u", "an HLS playlist"),
    (b"#ext-x-", "an HLS playlist"),
    (b"ffconcat", "a list of files to be joined"),
    (b"file ", "a list of files to be joined"),
    (b"file:", "a list of files to be joined"),
    (b"v=0", "an SDP description of a stream"),
    (b"[playlist]", "a playlist"),
    (b"[reference]", "a playlist"),
    (b"<asx", "a playlist"),
    (b"rtsptext", "a description of a stream"),
    (b"smil", "a playlist"),
)


def kind_of(head: bytes, source: str) -> Kind:
    """The kind of a file by its first `HEAD_BYTES`. InputError when it is none that is read here.

    UnsafeInputError for playlists and the like, which would make a decoder open other files and addresses.
    """
    if not head:
        raise InputError(f"{source}: the file is empty")
    known = _known(head)
    if known is not None:
        return known
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, name in _PLAYLISTS:
        if text.startswith(beginning):
            raise UnsafeInputError(f"{source}: refused, it is {name}; give the video or sound itself")
    if text.startswith(b"<") and (b"<mpd" in text or b"<smil" in text or b"smoothstreamingmedia" in text):
        raise UnsafeInputError(f"{source}: refused, it is a playlist; give the video or sound itself")
    raise InputError(f"{source}: not a picture, video or sound of a known format ({look_of(head)})")


def look_of(head: bytes) -> str:
    """A hint at what a mislabelled file really is."""
    start = head[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml", b"<svg")):
        return "it looks like a web page or SVG"
    if start.startswith(b"pk\x03\x04"):
        return "it is a zip archive; name a member as archive.zip#member"
    if start.startswith(b"%pdf"):
        return "it is a PDF"
    if all(32 <= byte < 127 or byte in b"\r\n\t" for byte in head[:64]):
        return "it looks like text"
    return f"it begins with {head[:8].hex(' ')}"


def _known(head: bytes) -> Kind | None:
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    if head.startswith((b"RIFF", b"RIFX", b"RF64")):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return Kind("photo", "AVIF") if head[8:12] in (b"avif", b"avis", b"mif1", b"heic", b"heix") else _MP4
    for recognised, kind in _PATTERNS:
        if recognised(head):
            return kind
    return None


#: What is recognised by more than its first bytes; the weakest signs last.
_PATTERNS: tuple[tuple[Callable[[bytes], bool], Kind], ...] = (
    (lambda head: head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"), Kind("sound", "AIFF", "aiff")),
    (lambda head: head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"), _MP4),  # before there was ftyp
    (lambda head: head[:2] == b"BM" and head[6:10] == b"\0\0\0\0", Kind("photo", "BMP")),
    (lambda head: len(head) > 376 and head[0] == head[188] == head[376] == 0x47, Kind("film", "MPEG-TS", "mpegts")),
    (lambda head: len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0, Kind("sound", "AAC", "aac")),
    (lambda head: len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and bool(head[1] & 0x06), _MP3),
)

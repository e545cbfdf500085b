"""Files as an attacker, a broken camera or a careless upload makes them; made on the spot, nothing is harmful on disk.

    for file in hostile_photos():
        check_refusal(file, lambda: my_decoder(file.content))

`expected` says what has to happen: "right" (a result), "refused" (an InputError, with a reason) or "either". Whatever
it is, it has to happen in bounded time and memory, and the process that decodes has to go on.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from shoplens.errors import InputError
from shoplens.testing.sample_media import (
    BLUE,
    RED,
    sample_float_wav,
    sample_photo,
    sample_scene,
    sample_sound_file,
    sample_tone,
    sample_video,
    sample_wav,
)

RIGHT, REFUSED, EITHER = "right", "refused", "either"


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file and what has to become of it."""

    name: str  # as it is called, with an ending that may lie
    content: bytes
    expected: str  # "right", "refused" or "either"


def check_refusal(file: HostileFile, decode: Callable[[], Any]) -> Any:
    """Decode, and AssertionError when what happens is not what has to. The result, or None when it was refused."""
    refusal: InputError | None = None
    try:
        result = decode()
    except InputError as error:
        refusal = error
    if refusal is None:
        assert file.expected != REFUSED, f"{file.name} should have been refused"
        return result
    assert file.expected != RIGHT, f"{file.name} should have been read: {refusal}"
    assert str(refusal).strip(), f"{file.name} was refused without a reason"
    return None


def hostile_photos() -> Iterator[HostileFile]:
    """Photos: cut, mislabelled, enormous, animated, in odd modes, several formats at once, bombs."""
    yield HostileFile("nothing.jpg", b"", REFUSED)
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        whole = sample_photo(kind)
        yield HostileFile(f"half.{kind.lower()}", whole[: len(whole) // 2], REFUSED)
        yield HostileFile(f"first-bytes.{kind.lower()}", whole[:20], REFUSED)
        yield HostileFile(f"zeros-inside.{kind.lower()}", _zeroed(whole), EITHER)
    yield from _mislabelled_photos()
    yield from _odd_modes()
    yield from _animations()
    yield HostileFile("zip-behind-jpeg.jpg", sample_photo() + _zip(), RIGHT)
    yield HostileFile("jpeg-in-zip.jpg", _zip(), REFUSED)
    yield HostileFile("script.gif", b"GIF89a/*" + b"<script>alert(1)</script>*/=1;" * 40, REFUSED)
    yield from _bombs()


def _mislabelled_photos() -> Iterator[HostileFile]:
    yield HostileFile("png.jpg", sample_photo("PNG"), RIGHT)
    yield HostileFile("webp.gif", sample_photo("WEBP"), RIGHT)
    yield HostileFile("page.jpg", b"<!DOCTYPE html><html><body>Not found</body></html>", REFUSED)
    yield HostileFile(
        "drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", REFUSED
    )
    yield HostileFile("postscript.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(x) run\n", REFUSED)
    yield HostileFile("sound.jpg", sample_wav(sample_tone(0.1)), REFUSED)
    yield HostileFile("program.png", b"\x7fELF\x02\x01\x01" + bytes(200), REFUSED)


def _odd_modes() -> Iterator[HostileFile]:
    scene = sample_scene(RED)
    exif = Image.Exif()
    exif[0x0112] = 6
    broken = Image.Exif()
    broken[0x0112] = 99
    yield HostileFile("cmyk.jpg", _saved(scene.convert("CMYK"), "JPEG"), RIGHT)
    yield HostileFile(
        "grey16.png", _saved(Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16), "PNG"), RIGHT
    )
    yield HostileFile("transparent.png", _saved(Image.new("RGBA", (40, 30), (0, 0, 0, 0)), "PNG"), RIGHT)
    yield HostileFile("palette.png", _saved(scene.quantize(16), "PNG", transparency=0), RIGHT)
    yield HostileFile("one-bit.tiff", _saved(scene.convert("1"), "TIFF"), RIGHT)
    yield HostileFile("turned.jpg", _saved(scene, "JPEG", exif=exif.tobytes()), RIGHT)
    yield HostileFile("turned-to-nowhere.jpg", _saved(scene, "JPEG", exif=broken.tobytes()), RIGHT)
    yield HostileFile("line.png", _saved(Image.new("L", (100_000, 1), 80), "PNG"), RIGHT)
    yield HostileFile("column.png", _saved(Image.new("L", (1, 100_000), 80), "PNG"), RIGHT)
    yield HostileFile("float.tiff", _saved(Image.fromarray(np.full((8, 8), np.nan, np.float32)), "TIFF"), EITHER)


def _animations() -> Iterator[HostileFile]:
    frames = [sample_scene(colour, seed=seed) for seed, colour in enumerate((RED, BLUE, RED, BLUE))]
    for kind in ("GIF", "WEBP", "PNG"):
        content = _saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, loop=0)
        yield HostileFile(f"moving.{kind.lower()}", content, RIGHT)


def _bombs() -> Iterator[HostileFile]:
    for width, height in ((60_000, 60_000), (2_000_000_000, 2), (12_000, 12_000)):
        yield HostileFile(f"bomb-{width}x{height}.png", bomb_png(width, height), REFUSED)
    screen = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + bytes(6)
    yield HostileFile(
        "bomb.gif", screen + b",\0\0\0\0" + struct.pack("<HHB", 65_535, 65_535, 0) + b"\x02\x01\x4c\0;", REFUSED
    )
    text = b"Comment\0\0" + zlib.compress(bytes(80_000_000), 9)
    whole = sample_photo("PNG")
    yield HostileFile("bomb-in-text.png", whole[:33] + _png_chunk(b"zTXt", text) + whole[33:], EITHER)


def bomb_png(width: int, height: int) -> bytes:
    """A PNG of a kilobyte that claims to be enormous, and begins to be."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", rows) + _png_chunk(b"IEND", b"")


def slow_jpeg(repeats: int = 400, size: tuple[int, int] = (2_000, 2_000)) -> bytes:
    """A progressive JPEG whose last scan comes again and again: little to send, long to decode."""
    whole = _saved(Image.effect_noise(size, 60), "JPEG", progressive=True, quality=30)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * repeats + b"\xff\xd9"


def zip_bomb(member: str = "bomb.bmp", size: int = 50_000_000) -> bytes:
    """A zip archive with a member that is a thousand times as large as it looks."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, bytes(size))
    return stream.getvalue()


def playlists(address: str, path: str) -> Iterator[HostileFile]:
    """Files that tell a careless decoder to open `address` (http) or the file at `path`."""
    for where in (address, f"file://{path}", path, f"concat:{path}|{path}", f"subfile,,start,0,end,0,,:{path}"):
        yield HostileFile(
            "list.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{where}\n#EXT-X-ENDLIST\n".encode(), REFUSED
        )
        yield HostileFile("list.mp4", f"\ufeff\n  #EXTM3U\n#EXTINF:5,\n{where}\n".encode(), REFUSED)
        yield HostileFile("join.mp4", f"ffconcat version 1.0\nfile '{where}'\n".encode(), REFUSED)
        yield HostileFile("join.txt", f"file '{where}'\n".encode(), REFUSED)
        yield HostileFile("stream.mpd", f"<?xml version='1.0'?><MPD><BaseURL>{where}</BaseURL></MPD>".encode(), REFUSED)
        yield HostileFile("stream.asx", f"<asx><entry><ref href='{where}'/></entry></asx>".encode(), REFUSED)
    yield HostileFile(
        "stream.sdp", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", REFUSED
    )
    yield HostileFile("elsewhere.mov", _pointing_elsewhere(sample_video(container="mov"), path), EITHER)


def hostile_videos() -> Iterator[HostileFile]:
    """Videos: cut, mislabelled, with absurd sizes, times and indices, without pictures."""
    mp4, fast = sample_video(), sample_video(options={"movflags": "frag_keyframe+empty_moov"})
    webm = sample_video(container="webm")
    yield HostileFile("nothing.mp4", b"", REFUSED)
    yield HostileFile("cut.mp4", mp4[: len(mp4) // 2], REFUSED)  # its index was at the end
    yield HostileFile("cut-fast.mp4", fast[: len(fast) * 3 // 4], RIGHT)  # its index is at the beginning
    yield HostileFile("cut.webm", webm[: len(webm) * 3 // 4], RIGHT)
    yield HostileFile("first-bytes.mp4", mp4[:40], REFUSED)
    yield HostileFile("first-bytes.webm", webm[:40], REFUSED)
    yield HostileFile("mp4.webm", mp4, RIGHT)
    yield HostileFile("webm.avi", webm, RIGHT)
    yield HostileFile("photo.mp4", sample_photo(), REFUSED)
    yield HostileFile("still.mp4", sample_photo("PNG"), REFUSED)
    yield HostileFile("sound.mp4", sample_wav(sample_tone(0.2)), REFUSED)
    yield HostileFile("page.mp4", b"<html><body>Moved</body></html>", REFUSED)
    yield HostileFile("archive.mp4", _zip(), REFUSED)
    yield HostileFile("archive-behind.mp4", mp4 + _zip(), RIGHT)
    yield from (HostileFile(one.name, one.content, RIGHT) for one in _animations())
    yield HostileFile("huge-frames.mp4", _patched_sizes(mp4, 10_000), EITHER)
    yield HostileFile("huge-frames.webm", _patched_vp8(webm, 16_000), REFUSED)
    yield HostileFile("years-long.mp4", _patched_durations(mp4), EITHER)
    yield HostileFile("years-long.webm", _patched_webm_duration(webm), REFUSED)
    for table in (b"stts", b"stco", b"stsz", b"stsc", b"stss"):
        yield HostileFile(f"broken-{table.decode()}.mp4", _ruined_box(mp4, table), EITHER)
    yield HostileFile("no-frames.mp4", sample_video([sample_scene(RED)], seconds=0.01)[:-200], EITHER)
    yield HostileFile("boxes-in-boxes.mp4", mp4[:32] + struct.pack(">I4s", 0, b"moov") * 2_000, REFUSED)


def hostile_sounds() -> Iterator[HostileFile]:
    """Sounds: cut, mislabelled, with impossible headers, with samples that are no numbers."""
    tone = sample_tone(0.5)
    wav = sample_wav(tone)
    yield HostileFile("nothing.wav", b"", REFUSED)
    yield HostileFile("header.wav", wav[:44], REFUSED)
    yield HostileFile("cut.wav", wav[: len(wav) // 2], RIGHT)
    yield HostileFile("endless-header.wav", wav[:40] + b"\xff\xff\xff\xff" + wav[44:], RIGHT)
    yield HostileFile("no-length.wav", wav[:40] + bytes(4) + wav[44:], EITHER)
    yield HostileFile("not-a-number.wav", sample_float_wav(np.full(8_000, np.nan)), RIGHT)
    yield HostileFile("infinite.wav", sample_float_wav(np.where(np.arange(8_000) % 2, np.inf, -np.inf)), RIGHT)
    yield HostileFile("loud.wav", sample_float_wav(tone * 1e30), RIGHT)
    for rate in (0, 1, 7, 4_000_000_000):
        yield HostileFile(f"{rate}-hertz.wav", sample_float_wav(tone, rate=rate), EITHER)
    for channels in (0, 3, 255, 65_535):
        yield HostileFile(f"{channels}-channels.wav", sample_float_wav(tone, channels=channels), EITHER)
    yield HostileFile("stereo.wav", sample_wav(tone, channels=2), RIGHT)
    yield HostileFile("telephone.wav", sample_wav(sample_tone(0.5, rate=8_000), rate=8_000), RIGHT)
    yield HostileFile("photo.mp3", sample_photo(), REFUSED)
    yield HostileFile("page.mp3", b"<html></html>", REFUSED)
    yield HostileFile("list.mp3", b"#EXTM3U\nfile:///etc/passwd\n", REFUSED)
    ogg = sample_sound_file(sample_tone(0.5, rate=48_000), container="ogg", codec="libopus")
    yield HostileFile("ogg.wav", ogg, RIGHT)
    yield HostileFile("cut.ogg", ogg[: len(ogg) // 2], EITHER)
    mp3 = sample_sound_file(sample_tone(0.5, rate=48_000), container="mp3", codec="libmp3lame")
    yield HostileFile("cut.mp3", mp3[: len(mp3) // 2], RIGHT)
    yield HostileFile("long-tag.mp3", b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + mp3, EITHER)
    tracks = sample_sound_file(sample_tone(0.1, rate=48_000), container="matroska", codec="libopus", tracks=40)
    yield HostileFile("forty-tracks.mkv", tracks, REFUSED)


def mutations(content: bytes, count: int, *, seed: int = 0) -> Iterator[bytes]:
    """Copies of a file with bits flipped, bytes replaced, pieces cut out, doubled or put elsewhere."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        damaged = bytearray(content)
        for _ in range(int(random.integers(1, 6))):
            place = int(random.integers(0, len(damaged)))
            length = min(len(damaged) - place, int(random.integers(1, 64)))
            kind = int(random.integers(0, 5))
            if kind == 0:
                damaged[place] ^= 1 << int(random.integers(0, 8))
            elif kind == 1:
                damaged[place : place + length] = random.bytes(length)
            elif kind == 2 and len(damaged) > 2 * length:
                del damaged[place : place + length]
            elif kind == 3:
                damaged[place:place] = damaged[place : place + length]
            else:
                damaged[place : place + 4] = random.choice(
                    [b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff", b"\x80\0\0\0"]
                )
        yield bytes(damaged)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _zeroed(content: bytes) -> bytes:
    third = len(content) // 3
    return content[:third] + bytes(third) + content[2 * third :]


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("photo.jpg", sample_photo())
    return stream.getvalue()


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _ruined_box(content: bytes, name: bytes) -> bytes:
    """An MP4 with one of its tables overwritten."""
    place = content.find(name)
    assert place > 0, f"no {name!r} in this file"
    return content[: place + 8] + b"\xff" * 24 + content[place + 32 :]


def _patched_durations(content: bytes) -> bytes:
    """An MP4 whose headers say that it lasts for years."""
    changed = bytearray(content)
    for name, offset in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        place = changed.find(name)
        changed[place + offset : place + offset + 4] = b"\x7f\xff\xff\xf0"
    return bytes(changed)


def _patched_webm_duration(content: bytes) -> bytes:
    """A WebM whose header says that it lasts for years."""
    place = content.find(b"\x44\x89")  # Duration, an eight-byte float
    size = content[place + 2] & 0x7F
    value = struct.pack(">d" if size == 8 else ">f", 1e13)
    return content[: place + 3] + value + content[place + 3 + size :]


def _patched_sizes(content: bytes, side: int) -> bytes:
    """An MP4 whose container says that its frames are enormous."""
    place = content.find(b"avc1", content.find(b"stsd"))
    return content[: place + 28] + struct.pack(">HH", side, side) + content[place + 32 :]


def _patched_vp8(content: bytes, side: int) -> bytes:
    """A WebM whose every key frame says that it is enormous."""
    changed, mark = bytearray(content), b"\x9d\x01\x2a"  # start code of a key frame (RFC 6386, 9.1)
    place = changed.find(mark)
    while place >= 0:
        changed[place + 3 : place + 7] = struct.pack("<HH", side, side)
        place = changed.find(mark, place + 7)
    return bytes(changed)


def _pointing_elsewhere(content: bytes, path: str) -> bytes:
    """A QuickTime file that says that its pictures are in another file."""
    place = content.find(b"url ", content.find(b"dref"))
    flagged = content[: place + 4] + bytes(4) + content[place + 8 :]  # no longer "in this very file"
    return flagged + struct.pack(">I4s", 8 + len(path), b"free") + path.encode()

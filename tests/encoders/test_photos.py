"""Photos from outside: what is opened, and every way in which they are refused."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shoplens.encoders.photos import PhotoLimits, PhotoOpener, decode_photo
from shoplens.encoders.source_reading import split_archive
from shoplens.errors import InputError, UnsafeInputError

RED, BLUE, WHITE = (220, 20, 30), (20, 30, 220), (255, 255, 255)


def halves(mode: str = "RGB", size: tuple[int, int] = (80, 40)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def decoded(content: bytes, limits: PhotoLimits | None = None, longest_side: int | None = None) -> Image.Image:
    return decode_photo(content, "photo", limits or PhotoLimits(), longest_side=longest_side)


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, ...], tolerance: int = 40) -> bool:
    found = image.getpixel(place)
    assert isinstance(found, tuple)
    return max(abs(a - b) for a, b in zip(found, colour, strict=True)) <= tolerance


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_usual_formats(kind: str) -> None:
    photo = decoded(encoded(halves(), kind))
    assert photo.mode == "RGB"
    assert photo.size == (80, 40)
    assert near(photo, (10, 20), RED)
    assert near(photo, (70, 20), BLUE)


def test_cmyk_jpeg() -> None:
    photo = decoded(encoded(halves("CMYK"), "JPEG", quality=95))
    assert photo.mode == "RGB"
    assert near(photo, (10, 20), RED)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_tones(kind: str) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(8, axis=0)
    photo = decoded(encoded(Image.fromarray(ramp), kind))
    tones = np.asarray(photo)[0, :, 0].astype(int)
    assert tones[0] == 0
    assert tones[-1] == 255
    assert abs(tones[32] - 130) < 5


def test_transparency_lies_on_white() -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 10, 20))
    for kind in ("PNG", "WEBP"):
        photo = decoded(encoded(image, kind, **({"lossless": True} if kind == "WEBP" else {})))
        assert near(photo, (2, 10), RED)
        assert near(photo, (17, 10), WHITE)


def test_transparent_palette_lies_on_white() -> None:
    image = Image.new("P", (20, 20), 0)
    image.putpalette([0, 0, 0, *RED] + [0] * 762)
    image.paste(1, (0, 0, 10, 20))
    photo = decoded(encoded(image, "PNG", transparency=0))
    assert near(photo, (2, 10), RED)
    assert near(photo, (17, 10), WHITE)


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE, WHITE)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)
    assert near(decoded(content), (8, 8), RED)


@pytest.mark.parametrize(("orientation", "red_at"), [(1, (10, 20)), (3, (70, 20)), (6, (20, 10)), (8, (20, 70))])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_photos_stand_upright(kind: str, orientation: int, red_at: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for longest_side in (None, 80):
        photo = decoded(encoded(halves(), kind, exif=exif.tobytes()), longest_side=longest_side)
        assert photo.size == ((80, 40) if orientation in (1, 3) else (40, 80))
        assert near(photo, red_at, RED)


def test_large_photos_shrink_and_small_ones_stay() -> None:
    assert decoded(encoded(halves(size=(3000, 1500)), "JPEG"), longest_side=1000).size == (1000, 500)
    assert decoded(encoded(halves(), "JPEG"), longest_side=1000).size == (80, 40)
    assert decoded(encoded(halves("P", (900, 300)), "PNG"), longest_side=300).size == (300, 100)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_cut_file_is_refused(kind: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    content = encoded(noise, kind)
    for share in (0.2, 0.6, 0.9):
        with pytest.raises(InputError, match="photo: "):
            decoded(content[: int(len(content) * share)])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"This is not a picture at all, but a text file.", "looks like text"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "web page or SVG"),
        (b"\x7fELF\x02\x01\x01\x00" + bytes(100), "it begins with 7f 45"),
        (b"\xff\xd8\xff\xe0", "photo: "),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not a picture"),
    ],
)
def test_what_is_no_picture_says_what_it_is(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        decoded(content)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that claims (and, zeros being cheap, partly has) a gigantic picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(9_000, 9_000), (50_000, 50_000), (2_000_000_000, 2)])
def test_bombs_are_refused_before_decoding(size: tuple[int, int]) -> None:
    with pytest.raises(UnsafeInputError, match="pixels"):
        decoded(png_of_size(*size))


def test_the_pixel_limit_can_be_set() -> None:
    content = encoded(halves(), "PNG")
    assert decoded(content, PhotoLimits(max_pixels=3200)).size == (80, 40)
    with pytest.raises(UnsafeInputError, match="3,199"):
        decoded(content, PhotoLimits(max_pixels=3199))


@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")  # Pillow warns about odd metadata, and goes on
@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"]))
@settings(max_examples=150, deadline=None)
def test_no_bytes_raise_anything_else(noise: bytes, place: int, kind: str) -> None:
    content = bytearray(encoded(halves(size=(24, 12)), kind))
    content[place : place + len(noise)] = noise
    try:
        photo = decoded(bytes(content), PhotoLimits(max_pixels=1_000_000))
    except InputError:
        return
    assert photo.mode == "RGB"


# Where photos come from


def test_files_below_the_root_and_absolute_ones(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(encoded(halves(), "JPEG"))
    with PhotoOpener(tmp_path) as opener:
        assert opener.open("photos/a.jpg").size == (80, 40)
        assert opener.open(str(tmp_path / "photos" / "a.jpg")).size == (80, 40)


@pytest.mark.parametrize("source", ["absent.jpg", "folder", "null\x00byte.jpg", "absent.zip#a.jpg"])
def test_what_cannot_be_read_says_why(source: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with PhotoOpener(tmp_path) as opener, pytest.raises(InputError, match="cannot be read"):
        opener.open(source)


def test_large_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bmp").write_bytes(encoded(halves(), "BMP"))
    with (
        PhotoOpener(tmp_path, PhotoLimits(max_bytes=500)) as opener,
        pytest.raises(UnsafeInputError, match="500 bytes"),
    ):
        opener.open("a.bmp")


def archive_in(folder: Path, **members: bytes) -> Path:
    path = folder / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
        archive.writestr("../outside.jpg", encoded(halves(), "JPEG"))
        archive.writestr("/etc/outside.jpg", encoded(halves(), "JPEG"))
        archive.writestr("deep/er.jpg", encoded(halves(), "JPEG"))
    return path


def test_members_of_archives(tmp_path: Path) -> None:
    archive_in(tmp_path, a_jpg=encoded(halves(), "JPEG"))
    with PhotoOpener(tmp_path) as opener:
        assert opener.open("photos.zip#a.jpg").size == (80, 40)
        assert opener.open("photos.zip#deep/er.jpg").size == (80, 40)
        with pytest.raises(InputError, match="no such member"):
            opener.open("photos.zip#b.jpg")


@pytest.mark.parametrize("member", ["../outside.jpg", "/etc/outside.jpg", "deep/../../x.jpg", "..\\x.jpg", "C:x.jpg"])
def test_names_that_leave_the_archive_are_refused(member: str, tmp_path: Path) -> None:
    archive_in(tmp_path)
    with PhotoOpener(tmp_path) as opener, pytest.raises(UnsafeInputError, match="leaves the archive"):
        opener.open(f"photos.zip#{member}")


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = archive_in(tmp_path, bomb_bmp=bytes(3_000_000))
    with (
        PhotoOpener(tmp_path, PhotoLimits(max_bytes=1_000_000)) as opener,
        pytest.raises(UnsafeInputError, match="larger than 1,000,000 bytes"),
    ):
        opener.open("photos.zip#bomb.bmp")
    # The same with a directory that lies about the size.
    content = path.read_bytes().replace(struct.pack("<I", 3_000_000), struct.pack("<I", 900_000))
    path.write_bytes(content)
    with PhotoOpener(tmp_path, PhotoLimits(max_bytes=1_000_000)) as opener, pytest.raises(InputError):
        opener.open("photos.zip#bomb.bmp")


def test_a_damaged_archive_says_so(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    path = archive_in(tmp_path, a_jpg=encoded(halves(), "JPEG"))
    content = bytearray(path.read_bytes())
    content[40:120] = bytes(80)
    path.write_bytes(content)
    with PhotoOpener(tmp_path) as opener:
        for source in ("broken.zip#a.jpg", "photos.zip#a.jpg"):
            with pytest.raises(InputError, match="damaged"):
                opener.open(source)


def test_stamps_change_with_the_content(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    opener = PhotoOpener(tmp_path)
    absent = opener.stamp("a.jpg")
    file.write_bytes(b"one")
    first = opener.stamp("a.jpg")
    file.write_bytes(b"three")
    assert len({absent, first, opener.stamp("a.jpg")}) == 3
    assert opener.stamp("https://shop.example/a.jpg") == "https://shop.example/a.jpg"
    archive_in(tmp_path, a_jpg=b"one", b_jpg=b"one")
    before = PhotoOpener(tmp_path)
    stamps = before.stamp("photos.zip#a.jpg"), before.stamp("photos.zip#b.jpg")
    before.close()
    archive_in(tmp_path, a_jpg=b"two", b_jpg=b"one")
    after = PhotoOpener(tmp_path)
    assert after.stamp("photos.zip#a.jpg") != stamps[0]
    assert after.stamp("photos.zip#b.jpg") == stamps[1]
    assert after.stamp("photos.zip#c.jpg").endswith("absent")
    after.close()


def test_only_zip_names_are_split() -> None:
    assert split_archive("a.zip#b.jpg") == ("a.zip", "b.jpg")
    assert split_archive("a.ZIP#b#c.jpg") == ("a.ZIP", "b#c.jpg")
    assert split_archive("photo #1.jpg") == ("photo #1.jpg", None)

"""Hostile media: a result or a reason, in bounded time and memory, and the process that decodes goes on."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import psutil
import pytest

from shoplens.encoders.media import Clip, MediaLimits, Sound
from shoplens.encoders.media_container import opened
from shoplens.encoders.media_kinds import HEAD_BYTES, Kind, kind_of
from shoplens.encoders.media_opening import MediaOpener
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.photo_decoding import PhotoLimits
from shoplens.encoders.photos import PhotoOpener
from shoplens.errors import InputError, UnsafeInputError
from shoplens.testing.hostile_media import (
    HostileFile,
    check_refusal,
    hostile_photos,
    hostile_sounds,
    hostile_videos,
    mutations,
    playlists,
    zip_bomb,
)
from shoplens.testing.sample_media import sample_photo, sample_sound_file, sample_tone, sample_video, sample_wav

TIGHT = MediaLimits(decode_seconds=10, memory_bytes=512 << 20, max_bytes=10_000_000, max_sound_seconds=60)
PHOTO_SIDE = 512
GOOD = sample_photo()


@pytest.fixture(scope="module")
def guarded() -> Iterator[MediaPool]:
    """One process with tight limits, so that a file that takes it down is noticed by the next one."""
    with MediaPool(1, photo_seconds=10, photo_memory=512 << 20) as made:
        yield made


@pytest.fixture(autouse=True)
def _goes_on(guarded: MediaPool) -> Iterator[None]:
    """After every test the pool decodes, and its processes have not grown out of bounds."""
    yield
    goes_on(guarded)
    for worker in guarded._state.all:
        assert psutil.Process(worker._process.pid).memory_info().rss < 700 << 20


def goes_on(pool: MediaPool) -> None:
    assert pool.photo(GOOD, "good", PhotoLimits()).size == (64, 48)


def photo_of(pool: MediaPool, file: HostileFile) -> None:
    photo = check_refusal(file, lambda: pool.photo(file.content, file.name, PhotoLimits(), longest_side=PHOTO_SIDE))
    if photo is not None:
        assert photo.mode == "RGB"
        assert 1 <= max(photo.size) <= PHOTO_SIDE


def clip_of(pool: MediaPool, file: HostileFile) -> None:
    clip: Clip | None = check_refusal(file, lambda: pool.clip(file.content, file.name, TIGHT))
    if clip is not None:
        assert 1 <= len(clip.frames) <= TIGHT.max_frames
        assert len(clip.frames) == len(clip.times) == len(clip.shot_of)
        assert all(max(frame.size) <= TIGHT.longest_side for frame in clip.frames)
        assert list(clip.times) == sorted(clip.times)
        assert 0 <= clip.duration <= TIGHT.max_duration + 60
        assert sorted(set(clip.shot_of)) == list(range(len(clip.shots)))
        if clip.sound is not None:
            _is_sound(clip.sound)


def sound_of(pool: MediaPool, file: HostileFile) -> None:
    sound: Sound | None = check_refusal(file, lambda: pool.sound(file.content, file.name, TIGHT))
    if sound is not None:
        _is_sound(sound)


def _is_sound(sound: Sound) -> None:
    assert sound.dtype == np.float32
    assert len(sound) <= TIGHT.max_sound_seconds * 16_000
    assert np.isfinite(sound).all()
    assert np.abs(sound).max(initial=0) <= 1


def test_photos(guarded: MediaPool) -> None:
    for file in hostile_photos():
        photo_of(guarded, file)
        goes_on(guarded)


def test_videos(guarded: MediaPool) -> None:
    for file in hostile_videos():
        clip_of(guarded, file)
        goes_on(guarded)


def test_sounds(guarded: MediaPool) -> None:
    for file in hostile_sounds():
        sound_of(guarded, file)
        goes_on(guarded)


def test_everything_as_everything_else(guarded: MediaPool) -> None:
    for file in [*hostile_photos(), *hostile_sounds(), *hostile_videos()]:
        for use in (photo_of, clip_of, sound_of):
            use(guarded, HostileFile(file.name, file.content, "either"))


# Fuzzing: small and seeded here, large in the slow tests


def fuzz(pool: MediaPool, count: int, seed: int) -> None:
    tone = sample_tone(0.5, rate=48_000)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"):
        for content in mutations(sample_photo(kind), count, seed=seed):
            photo_of(pool, HostileFile(f"fuzz.{kind}", content, "either"))
    for container in ("mp4", "webm", "matroska", "avi", "mpegts"):
        for content in mutations(sample_video(container=container, seconds=0.5, sound=tone), count, seed=seed):
            clip_of(pool, HostileFile(f"fuzz.{container}", content, "either"))
    sounds = [sample_wav(sample_tone(0.3)), *(
        sample_sound_file(tone, container=container, codec=codec)
        for container, codec in (("ogg", "libopus"), ("mp3", "libmp3lame"), ("flac", "flac"), ("adts", "aac"))
    )]  # fmt: skip
    for whole in sounds:
        for content in mutations(whole, count, seed=seed):
            sound_of(pool, HostileFile("fuzz", content, "either"))


def test_damaged_files(guarded: MediaPool) -> None:
    fuzz(guarded, 12, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_many_damaged_files(guarded: MediaPool) -> None:
    for seed in range(2, 6):
        fuzz(guarded, 250, seed=seed)


# Nothing else is opened


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server in the shop's own network, and what it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(sample_wav(sample_tone(0.1)))

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/secret.wav", paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_playlists_open_nothing(asked: tuple[str, list[str]], guarded: MediaPool, tmp_path: Path) -> None:
    address, paths = asked
    secret = tmp_path / "secret.wav"
    secret.write_bytes(sample_wav(sample_tone(0.1)))
    before = secret.stat().st_atime_ns
    for file in playlists(address, str(secret)):
        clip_of(guarded, file)
        sound_of(guarded, HostileFile(file.name, file.content, "either"))
    assert paths == []
    assert secret.stat().st_atime_ns == before


@pytest.mark.parametrize("demuxer", ["hls", "concat", "sdp"])
def test_playlists_open_nothing_even_when_taken_for_media(
    demuxer: str, asked: tuple[str, list[str]], tmp_path: Path
) -> None:
    """The second wall: what would happen if a playlist were not recognised as one."""
    address, paths = asked
    secret = tmp_path / "secret.wav"
    secret.write_bytes(sample_wav(sample_tone(0.1)))
    for where in (address, f"file:{secret}", str(secret)):
        content = {
            "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{where}\n#EXT-X-ENDLIST\n",
            "concat": f"ffconcat version 1.0\nfile '{where}'\n",
            "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        }[demuxer]
        kind = Kind("film", demuxer, demuxer)
        with (
            pytest.raises(InputError),
            opened(io.BytesIO(content.encode()), kind, "list", TIGHT) as container,
        ):
            next(container.decode())
    assert paths == []


# Where media come from


class _Endless(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            self.wfile.write(sample_wav(np.zeros(0))[:40] + b"\xff\xff\xff\xff")
            while True:
                self.wfile.write(bytes(65_536))
        except OSError:
            pass

    def log_message(self, *arguments: object) -> None:
        pass


def test_an_endless_stream_ends_at_the_limit(guarded: MediaPool) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endless)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/radio"
    limits = MediaLimits(max_bytes=2_000_000, allow_private=True)
    photos = PhotoLimits(max_bytes=500_000, allow_private=True)
    started = time.monotonic()
    with MediaOpener(guarded, limits=limits) as media, PhotoOpener(limits=photos, decode=guarded.photo) as opener:
        with pytest.raises(UnsafeInputError, match="larger than 2,000,000 bytes"):
            media.sound(address)
        with pytest.raises(UnsafeInputError, match="larger than 2,000,000 bytes"):
            media.clip(address)
        with pytest.raises(UnsafeInputError, match="larger than 500,000 bytes"):
            opener.open(address)
        with (
            MediaOpener(guarded) as public,
            pytest.raises(UnsafeInputError, match="private"),
        ):
            public.clip(address)
    assert time.monotonic() - started < 20
    server.shutdown()
    thread.join()
    server.server_close()


def test_sources_of_all_kinds(guarded: MediaPool, tmp_path: Path, asked: tuple[str, list[str]]) -> None:
    address, _ = asked
    (tmp_path / "a.mp4").write_bytes(sample_video(sound=sample_tone(2, rate=48_000)))
    (tmp_path / "silent.mp4").write_bytes(sample_video())
    (tmp_path / "bomb.zip").write_bytes(zip_bomb("bomb.wav"))
    limits = MediaLimits(max_bytes=10_000_000, allow_private=True)
    with MediaOpener(guarded, tmp_path, limits) as opener:
        assert len(opener.clip("a.mp4").frames) == 2
        assert opener.clip("a.mp4").sound is None
        assert opener.clip("a.mp4", sound=True).sound is not None
        assert len(opener.sound("a.mp4")) > 30_000
        assert len(opener.sound("silent.mp4")) == 0
        assert len(opener.sound(address)) == 1_600
        for source, words in {
            "absent.mp4": "cannot be read",
            "nu\x00ll.mp4": "cannot be read",
            ".": "it is no file",
            "bomb.zip#bomb.wav": "larger than 10,000,000 bytes",
            "bomb.zip#../a.mp4": "leaves the archive",
            "file:///etc/passwd": "only http and https",
        }.items():
            with pytest.raises(InputError, match=words):
                opener.clip(source)
        assert opener.stamp("a.mp4") != opener.stamp("silent.mp4")
        (tmp_path / "a.mp4").write_bytes(b"changed")
        assert opener.stamp("absent.mp4").endswith("absent")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_pipes_and_devices_are_no_files(guarded: MediaPool, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with MediaOpener(guarded, tmp_path) as opener:
        for source in ("pipe.mp4", "/dev/zero"):
            with pytest.raises(InputError, match="no file"):
                opener.clip(source)


def test_no_bytes_are_taken_for_something_they_are_not() -> None:
    random = np.random.default_rng(0)
    for length in (1, 2, 3, 4, 7, 8, 12, 50, HEAD_BYTES):
        for _ in range(40):
            content = random.bytes(length)
            try:
                assert kind_of(content, "noise").family in ("photo", "animation", "film", "sound")
            except InputError as error:
                assert "noise" in str(error)  # noqa: PT017 - both outcomes are right

"""Decoding in processes that can be killed: same results, and every way in which a worker may end."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from shoplens.encoders import media_pool, media_process
from shoplens.encoders.media import MediaLimits
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.media_sound import decode_sound
from shoplens.encoders.media_video import decode_video
from shoplens.encoders.photo_decoding import PhotoLimits, decode_photo
from shoplens.errors import ConfigurationError, InputError, UnsafeInputError
from shoplens.testing.hostile_media import bomb_png, slow_jpeg
from shoplens.testing.sample_media import (
    BLUE,
    RED,
    sample_photo,
    sample_scene,
    sample_tone,
    sample_video,
    sample_wav,
)

LIMITS = MediaLimits()
linux = pytest.mark.skipif(sys.platform != "linux", reason="these limits are set by Linux")


def workers(pool: MediaPool) -> list[psutil.Process]:
    return [psutil.Process(one._process.pid) for one in pool._state.all]


def children() -> list[psutil.Process]:
    """Of all pools of this process."""
    return [one for one in psutil.Process().children() if "media_worker" in " ".join(one.cmdline())]


@pytest.fixture
def own() -> Iterator[MediaPool]:
    with MediaPool(1, photo_seconds=10) as made:
        yield made


def test_photos_are_the_same_as_decoded_here(pool: MediaPool) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        content = sample_photo(kind, (300, 200))
        for side in (None, 100):
            here = decode_photo(content, "photo", PhotoLimits(), longest_side=side)
            there = pool.photo(content, "photo", PhotoLimits(), longest_side=side)
            assert there.mode == "RGB"
            assert there.size == here.size
            assert there.tobytes() == here.tobytes()


def test_clips_and_sounds_are_the_same_as_decoded_here(pool: MediaPool, tmp_path: Path) -> None:
    content = sample_video([sample_scene(RED), sample_scene(BLUE)], sound=sample_tone(2, rate=48_000))
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with path.open("rb") as stream:
        here = decode_video(stream, "video", LIMITS)
    with path.open("rb") as stream:
        sound = decode_sound(stream, "video", LIMITS)
    for file in (path, content):
        there = pool.clip(file, "video", LIMITS)
        assert [one.tobytes() for one in there.frames] == [one.tobytes() for one in here.frames]
        assert (there.times, there.shot_of, there.shots) == (here.times, here.shot_of, here.shots)
        assert (there.duration, there.facts) == (here.duration, here.facts)
        assert there.sound is not None
        assert np.array_equal(there.sound, here.sound if here.sound is not None else [])
        assert np.array_equal(pool.sound(file, "video", LIMITS), sound)
        assert pool.clip(file, "video", LIMITS, sound=False).sound is None


def test_refusals_come_with_their_reason(pool: MediaPool) -> None:
    with pytest.raises(InputError, match=r"a\.jpg: the file is empty"):
        pool.photo(b"", "a.jpg", PhotoLimits())
    with pytest.raises(InputError, match=r"a\.jpg: not a picture .* text"):
        pool.photo(b"nothing of the kind" * 10, "a.jpg", PhotoLimits())
    with pytest.raises(UnsafeInputError, match=r"a\.png: refused, .* pixels"):
        pool.photo(bomb_png(9_000, 9_000), "a.png", PhotoLimits())
    with pytest.raises(InputError, match=r"absent\.mp4: cannot be read"):
        pool.clip(Path("absent.mp4"), "absent.mp4", LIMITS)
    with pytest.raises(InputError, match="null"):
        pool.clip(Path("nu\x00ll.mp4"), "null", LIMITS)
    with pytest.raises(InputError, match="larger than 10 bytes"):
        pool.sound(sample_wav(sample_tone(0.1)), "a.wav", MediaLimits(max_bytes=10))


def test_a_worker_that_dies_at_work_is_replaced(own: MediaPool) -> None:
    own.photo(sample_photo(), "a", PhotoLimits())
    (worker,) = workers(own)
    content = slow_jpeg()
    killer = threading.Timer(0.3, worker.send_signal, [signal.SIGKILL])
    killer.start()
    with pytest.raises(UnsafeInputError, match=r"slow\.jpg: refused, it made the decoder fail"):
        own.photo(content, "slow.jpg", PhotoLimits())
    killer.join()
    assert own.photo(sample_photo(), "a", PhotoLimits()).size == (64, 48)
    assert [one.pid for one in workers(own)] != [worker.pid]


def test_a_worker_that_dies_idle_is_no_files_fault(own: MediaPool) -> None:
    own.photo(sample_photo(), "a", PhotoLimits())
    (worker,) = workers(own)
    worker.send_signal(signal.SIGKILL)
    psutil.wait_procs([worker], 10)
    assert own.photo(sample_photo(), "a", PhotoLimits()).size == (64, 48)
    assert [one.pid for one in workers(own)] != [worker.pid]


def test_the_clock_ends_what_takes_too_long() -> None:
    content = slow_jpeg()
    with MediaPool(1, photo_seconds=0.7) as pool:
        pool.photo(sample_photo(), "warm", PhotoLimits())
        started = time.monotonic()
        with pytest.raises(UnsafeInputError, match=r"slow\.jpg: refused, decoding it takes longer than 0\.7 s"):
            pool.photo(content, "slow.jpg", PhotoLimits())
        assert time.monotonic() - started < 5
        assert pool.photo(sample_photo(), "a", PhotoLimits()).size == (64, 48)


@linux
def test_the_system_ends_what_takes_too_much_memory() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (6_000, 6_000), RED).save(stream, "PNG", compress_level=1)
    content = stream.getvalue()
    with MediaPool(1, photo_memory=64 << 20) as pool:
        with pytest.raises(UnsafeInputError, match=r"large\.png: refused, .* more than 64 MB of memory"):
            pool.photo(content, "large.png", PhotoLimits())
        assert pool.photo(sample_photo(), "a", PhotoLimits()).size == (64, 48)


@linux
def test_limits_that_the_system_keeps(own: MediaPool) -> None:
    own.photo(sample_photo(), "a", PhotoLimits())
    (worker,) = workers(own)
    assert worker.rlimit(psutil.RLIMIT_CORE)[0] == 0
    assert worker.rlimit(psutil.RLIMIT_FSIZE)[0] == 0
    assert 0 < worker.rlimit(psutil.RLIMIT_CPU)[0] < 60
    assert media_pool.PHOTO_MEMORY < worker.rlimit(psutil.RLIMIT_AS)[0] < media_pool.PHOTO_MEMORY + (4 << 30)


def test_many_threads_share_few_workers(pool: MediaPool) -> None:
    content = [sample_photo(size=(40 + place, 30)) for place in range(8)]

    def work(place: int) -> bool:
        return pool.photo(content[place % 8], str(place), PhotoLimits()).size == (40 + place % 8, 30)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(120)))
    assert len(workers(pool)) <= 2


def test_closing_ends_all_workers_also_busy_ones() -> None:
    before = len(children())
    pool = MediaPool(2, photo_seconds=60)
    pool.photo(sample_photo(), "a", PhotoLimits())
    outcome: list[Exception] = []

    def work() -> None:
        try:
            pool.photo(slow_jpeg(), "slow", PhotoLimits())
        except InputError as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    pool.close()
    thread.join(10)
    assert not thread.is_alive()
    assert outcome
    assert len(children()) == before
    with pytest.raises(InputError, match="closed"):
        pool.photo(sample_photo(), "a", PhotoLimits())
    pool.close()


def test_a_worker_that_starts_while_the_pool_closes_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, started = MediaPool(1), list[media_process.MediaProcess]()

    def start(watchdog: media_process.Watchdog) -> media_process.MediaProcess:
        started.append(media_process.MediaProcess(watchdog))
        pool.close()  # as another thread does in just that moment
        return started[0]

    monkeypatch.setattr(media_pool, "MediaProcess", start)
    assert pool.photo(sample_photo(), "a", PhotoLimits()).size
    assert started[0].gone
    assert started[0].dead


def test_a_forgotten_pool_leaves_nothing_behind() -> None:
    before, threads = len(children()), threading.active_count()
    pool = MediaPool(1)
    pool.photo(sample_photo(), "a", PhotoLimits())
    assert len(children()) == before + 1
    del pool
    gc.collect()
    assert len(children()) == before
    assert threading.active_count() == threads


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(
        "import os\n"
        "from shoplens.encoders.media_pool import MediaPool\n"
        "from shoplens.encoders.photo_decoding import PhotoLimits\n"
        "from shoplens.testing.sample_media import sample_photo\n"
        "import psutil\n"
        "pool = MediaPool(1)\n"
        "pool.photo(sample_photo(), 'a', PhotoLimits())\n"
        "print(psutil.Process().children()[0].pid, flush=True)\n"
        "os._exit(0)\n"  # as if it were killed: nothing is closed
    )
    with psutil.Popen([sys.executable, str(program)], stdout=-1) as parent:
        pid = int(parent.stdout.readline())
        parent.wait(30)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the worker outlived its parent"
        time.sleep(0.05)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_workers_of_its_own(own: MediaPool) -> None:
    own.photo(sample_photo(), "a", PhotoLimits())
    pid = os.fork()
    if pid == 0:
        try:
            good = own.photo(sample_photo(), "b", PhotoLimits()).size == (64, 48)
            own.close()
        except BaseException:
            good = False
        os._exit(0 if good else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert own.photo(sample_photo(), "c", PhotoLimits()).size == (64, 48)


def test_a_worker_is_replaced_after_many_calls(monkeypatch: pytest.MonkeyPatch, own: MediaPool) -> None:
    monkeypatch.setattr(media_pool, "CALLS_A_WORKER", 2)
    seen = set()
    for _ in range(5):
        own.photo(sample_photo(), "a", PhotoLimits())
        seen |= {one.pid for one in workers(own)}
    assert len(seen) == 3


def test_what_a_worker_answers_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = b"\x02\0\0\0" + bytes(8) + b"{}"
    answers = {
        b"\xff" * 12: "made the decoder fail",
        b"\x02\0\0\0" + bytes(8) + b"[]": "made the decoder fail",
        b"\x10\0\0\0" + bytes(8) + b'{"size":[9,9]}  ': "makes no sense",
        b"\x02\0\0\0" + bytes(8) + b"{}": "makes no sense",
    }
    for answer, words in answers.items():
        liar = f"import os; os.write(1, {ready!r}); os.read(0, 1 << 20); os.write(1, {answer!r}); os.read(0, 1 << 20)"
        monkeypatch.setattr(media_process, "_PROGRAM", liar)
        with MediaPool(1) as pool, pytest.raises(InputError, match=words):
            pool.photo(sample_photo(), "a", PhotoLimits())


def test_a_worker_that_cannot_start_says_what_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_process, "_PROGRAM", "raise SystemExit(3)")
    with MediaPool(1) as pool, pytest.raises(ConfigurationError, match=r"import shoplens\.encoders\.media_worker"):
        pool.photo(sample_photo(), "a", PhotoLimits())


def test_live_sound_comes_as_it_is_recorded(pool: MediaPool) -> None:
    tone = sample_tone(3.0)
    content = sample_wav(tone)
    with pool.live("recording", LIMITS) as live:
        pieces = [live.feed(content[start : start + 8_000]) for start in range(0, len(content), 8_000)]
        assert sum(len(one) for one in pieces) > 0
        pieces.append(live.feed(b"", last=True))
    assert np.abs(np.concatenate(pieces) - tone).max() < 1e-3
    with pool.live("page", LIMITS) as live, pytest.raises(InputError, match="web page"):
        live.feed(b"<!doctype html>" + bytes(1_000))
    with pool.live("large", MediaLimits(max_bytes=100)) as live, pytest.raises(UnsafeInputError, match="100 bytes"):
        live.feed(content)


def test_live_streams_leave_room_for_photos() -> None:
    with MediaPool(1) as pool:
        with pool.live("one", LIMITS):
            assert pool.photo(sample_photo(), "a", PhotoLimits()).size == (64, 48)
            with pytest.raises(InputError, match="already"), pool.live("two", LIMITS):
                pass
        with pool.live("three", LIMITS):
            pass

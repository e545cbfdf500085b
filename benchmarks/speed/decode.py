"""What it costs to decode photos in a process that can be killed, and how fast videos and sound are.

Photos of several sizes are decoded here and by a worker in turn, so that a busy machine slows both alike; "extra" is
the difference of each pair. One JSON object on stdout. Everything is made up on the spot.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.speed.spread import spread
from shoplens.encoders.media import SOUND_RATE, MediaLimits
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.photo_decoding import PhotoLimits, decode_photo
from shoplens.testing.sample_media import sample_photo, sample_scene, sample_sound_file, sample_tone, sample_video

SIZES = ((80, 60), (400, 400), (1_200, 900), (3_000, 2_000))
LONGEST_SIDE = 1_024  # pixels, as `PhotoOpener` has it


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the video and the sound")
    asked = parser.parse_args()
    with MediaPool(1) as pool, tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        pool.photo(sample_photo(), "first", PhotoLimits())
        result = {
            "first_photo_s": round(time.perf_counter() - began, 3),
            "photos": {
                f"{width}x{height}": photos(pool, (width, height), asked.repetitions) for width, height in SIZES
            },
            "video": video(pool, Path(folder), asked.seconds),
            "sound": sound(pool, Path(folder), asked.seconds),
        }
    print(json.dumps(result))


def photos(pool: MediaPool, size: tuple[int, int], repetitions: int) -> dict[str, dict[str, float]]:
    """Milliseconds here, in a worker, and their difference."""
    content, limits = sample_photo("JPEG", size), PhotoLimits()
    here, there = [], []
    for _ in range(repetitions):
        here.append(timed(lambda: decode_photo(content, "photo", limits, longest_side=LONGEST_SIDE)))
        there.append(timed(lambda: pool.photo(content, "photo", limits, longest_side=LONGEST_SIDE)))
    extra = (np.array(there) - np.array(here)).tolist()
    return {"here_ms": spread(here), "worker_ms": spread(there), "extra_ms": spread(extra)}


def video(pool: MediaPool, folder: Path, seconds: float) -> dict[str, float]:
    """Seconds for a video of 640 × 360 pixels with a cut every three seconds."""
    scenes = [
        sample_scene((37 * place % 256, 90, 160), (640, 360), seed=place) for place in range(int(seconds / 3) or 1)
    ]
    path = folder / "video.mp4"
    path.write_bytes(sample_video(scenes, seconds=3.0, rate=25, key_every=100))
    took = timed(lambda: pool.clip(path, path.name, MediaLimits())) / 1_000
    return {"seconds": 3.0 * len(scenes), "took_s": round(took, 3), "times_real_time": round(3 * len(scenes) / took)}


def sound(pool: MediaPool, folder: Path, seconds: float) -> dict[str, float]:
    """Seconds for a sound in Ogg Opus."""
    path = folder / "sound.ogg"
    path.write_bytes(sample_sound_file(sample_tone(seconds, rate=48_000), container="ogg", codec="libopus"))
    took = timed(lambda: pool.sound(path, path.name, MediaLimits(max_sound_seconds=seconds))) / 1_000
    return {"samples": int(seconds * SOUND_RATE), "took_s": round(took, 3), "times_real_time": round(seconds / took)}


def timed(work: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    began = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()

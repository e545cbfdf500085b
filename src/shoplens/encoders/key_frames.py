"""Chooses the frames that stand for a video while it streams past: one look at each, bounded memory.

A cut is a frame that differs much more from the one before it than its neighbours do (as in PySceneDetect's adaptive
detector); a dissolve ends where a calm picture differs from that of a second ago. Every shot gets a frame, long shots
several, and among candidates close to each other the calmest, because moving things are blurred.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

SMALL = (32, 18)  # width and height of the thumbnails that are compared

PIXELS_APART = 0.12  # mean absolute difference of two thumbnails (0 to 1) that counts as 1
HISTOGRAMS_APART = 0.5  # share of pixels that changed their colour, likewise
LEVELS = 4  # of each colour in the histogram
OUTSTANDING = 3.0  # a cut differs so many times more than frames around it
CALM = 0.35  # difference to the frame before below which nothing moves much
SHORTEST_SHOT = 0.4  # seconds; shorter ones are flashes
DISSOLVE = 1.0  # seconds within which a dissolve happens
SPARE_FRAMES = 96  # held at most beyond those that are kept: about 70 MB
LONGEST_SHOT = 8.0  # seconds; longer ones count as several
FRAME_EVERY = 2.0  # seconds: frames of one shot are not kept closer together

Thumbnail = npt.NDArray[np.uint8]  # [18, 32, 3] RGB


@dataclass(slots=True)
class _Candidate:
    time: float
    motion: float  # difference to the frame before
    shot: int
    picture: Image.Image


@dataclass(frozen=True, slots=True)
class Chosen:
    """Frames that stand for a video: see `media.Clip`."""

    frames: tuple[Image.Image, ...]
    times: tuple[float, ...]
    shot_of: tuple[int, ...]
    shots: tuple[tuple[float, float], ...]


class KeyFrames:
    """Looks at frames in the order of time. `most` frames are kept at the end, some more on the way."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.seen = 0  # frames looked at
        self._room = most + min(3 * most, SPARE_FRAMES)
        self.spacing = FRAME_EVERY / 4  # seconds between candidates; doubles when there are too many
        self._candidates: list[_Candidate] = []
        self._starts: list[float] = []  # of each shot
        self._before_cut: Thumbnail | None = None  # the last picture of the shot before
        self._recent: deque[tuple[float, Thumbnail, float]] = deque()  # time, picture, difference, of the last second

    def look(
        self, time: float, small: Thumbnail, picture: Callable[[], Image.Image], *, scattered: bool = False
    ) -> None:
        """One frame: its thumbnail, and how to get the picture itself, which is only asked for when it may be kept.

        `scattered`: the frame before is seconds away, so that only the pictures count, not how fast they change.
        """
        self.seen += 1
        motion = difference(small, self._recent[-1][1]) if self._recent else 0.0
        if not self._starts:
            self._starts.append(time)
        elif scattered:
            if motion > 1.0:
                self._starts.append((time + self._recent[-1][0]) / 2)
        elif time - self._starts[-1] < SHORTEST_SHOT:
            self._forget_flash(small)
        elif self._is_new_shot(time, small, motion):
            self._before_cut = self._recent[-1][1]
            self._starts.append(time)
            self._recent.clear()
            motion = 0.0  # of the new view nothing is known
        self._recent.append((time, small, motion))
        while self._recent[0][0] < time - DISSOLVE and len(self._recent) > 1:
            self._recent.popleft()
        self._consider(time, motion, picture)

    def finish(self, end: float) -> Chosen:
        """What was chosen; `end` is the last second. Nothing when nothing was seen."""
        if not self._candidates:
            return Chosen((), (), (), ())
        self._merge_shots(self.most)
        end = max(end, self._candidates[-1].time)
        self._divide_shots(end)
        ends = [*self._starts[1:], end]
        shots = tuple(zip(self._starts, ends, strict=True))
        chosen: list[_Candidate] = []
        for shot, count in enumerate(frames_a_shot([last - first for first, last in shots], self.most)):
            own = [one for one in self._candidates if one.shot == shot]
            chosen.extend(_spread(own, shots[shot], count))
        return Chosen(
            tuple(one.picture for one in chosen),
            tuple(one.time for one in chosen),
            tuple(one.shot for one in chosen),
            shots,
        )

    def _is_new_shot(self, time: float, small: Thumbnail, motion: float) -> bool:
        around = sorted(difference for _, _, difference in self._recent)
        usual = around[len(around) // 2] if around else 0.0
        if motion > 1.0 and motion > OUTSTANDING * usual:
            return True
        first_time, first, _ = self._recent[0]
        within = first_time >= self._starts[-1]
        return within and motion < CALM and time - first_time >= DISSOLVE / 2 and difference(small, first) > 1.0

    def _forget_flash(self, small: Thumbnail) -> None:
        """When the view from before the last cut is back at once, there was none."""
        if self._before_cut is None or difference(small, self._before_cut) > CALM:
            return
        self._before_cut = None
        self._starts.pop()
        self._candidates = [one for one in self._candidates if one.shot < len(self._starts)]
        self._recent.clear()
        self._recent.append((self._starts[-1], small, 0.0))

    def _consider(self, time: float, motion: float, picture: Callable[[], Image.Image]) -> None:
        shot = len(self._starts) - 1
        last = self._candidates[-1] if self._candidates else None
        if last is not None and last.shot == shot and time - last.time < self.spacing:
            if motion < 0.5 * last.motion:  # the same moment, but calmer
                self._candidates[-1] = _Candidate(time, motion, shot, picture())
            return
        self._candidates.append(_Candidate(time, motion, shot, picture()))
        if len(self._candidates) > self._room:
            self._thin()

    def _thin(self) -> None:
        """Halve the candidates of long shots; when shots alone are too many, join the shortest."""
        self.spacing *= 2
        kept: list[_Candidate] = []
        for one in self._candidates:
            if not kept or kept[-1].shot != one.shot or one.time - kept[-1].time >= self.spacing:
                kept.append(one)
        self._candidates = kept
        if len(kept) > self._room * 3 // 4:
            self._merge_shots(self._room // 2)

    def _merge_shots(self, most: int) -> None:
        """Join the shortest shots with the one before until there are at most `most`; each keeps one candidate."""
        if len(self._starts) <= most:
            return
        lengths = np.diff([*self._starts, self._candidates[-1].time])
        longest = np.sort(np.argsort(-lengths[1:], kind="stable")[: most - 1]) + 1
        keep = np.concatenate([[0], longest])
        place = np.searchsorted(keep, np.arange(len(self._starts)), side="right") - 1
        own = set(keep.tolist())
        self._candidates = [one for one in self._candidates if one.shot in own]
        for one in self._candidates:
            one.shot = int(place[one.shot])
        self._starts = [self._starts[shot] for shot in keep.tolist()]

    def _divide_shots(self, end: float) -> None:
        """Cut long shots into equal parts, as long as there may be more shots, so that a part says where it is."""
        parts: list[float] = []
        spare = self.most - len(self._starts)
        for shot, (first, last) in enumerate(zip(self._starts, [*self._starts[1:], end], strict=True)):
            count = min(int((last - first) / LONGEST_SHOT) + 1, spare + 1)
            width = (last - first) / count
            own = [one for one in self._candidates if one.shot == shot]
            seen = sorted({min(count - 1, max(0, int((one.time - first) / max(width, 1e-9)))) for one in own})
            parts.extend(first if part == seen[0] else first + part * width for part in seen)
            spare -= len(seen) - 1
        self._starts = parts
        for one in self._candidates:
            one.shot = max(0, bisect_right(parts, one.time) - 1)


def difference(one: Thumbnail, other: Thumbnail) -> float:
    """How different two pictures are: 1 is about where a new view begins, 0 is the same."""
    pixels = float(np.abs(one.astype(np.int16) - other).mean()) / 255.0
    colours = float(np.abs(_histogram(one) - _histogram(other)).sum()) / 2.0
    return (
        max(pixels / PIXELS_APART, colours / HISTOGRAMS_APART) if pixels > PIXELS_APART / 4 else pixels / PIXELS_APART
    )


def frames_a_shot(lengths: Sequence[float], most: int) -> list[int]:
    """How many frames each shot gets: one, then more for those that are longest for the frames they have."""
    counts = [1] * len(lengths)
    for _ in range(most - len(lengths)):
        sparse = [length / (count + 1) for length, count in zip(lengths, counts, strict=True)]
        best = int(np.argmax(sparse))
        if sparse[best] < FRAME_EVERY:
            break
        counts[best] += 1
    return counts


def _spread(own: Sequence[_Candidate], bounds: tuple[float, float], count: int) -> list[_Candidate]:
    """`count` candidates in the middles of equal parts of a shot; the calmest ones nearby."""
    if len(own) <= count:
        return list(own)
    first, last = bounds
    width = max(last - first, 1e-6) / count
    taken: dict[int, None] = {}
    for part in range(count):
        middle = first + (part + 0.5) * width
        cost = [abs(one.time - middle) / width + min(one.motion, 1.0) for one in own]
        taken[int(np.argmin(cost))] = None
    return [own[place] for place in sorted(taken)]


def _histogram(small: Thumbnail) -> npt.NDArray[np.float64]:
    """Shares of pixels in LEVELS³ colours."""
    level = (small.reshape(-1, 3) // (256 // LEVELS)).astype(np.int64)
    code = (level[:, 0] * LEVELS + level[:, 1]) * LEVELS + level[:, 2]
    return np.bincount(code, minlength=LEVELS**3) / len(code)


def thumbnail_of(picture: Image.Image) -> Thumbnail:
    """The thumbnail of a picture."""
    return np.asarray(picture.convert("RGB").resize(SMALL, Image.Resampling.BOX), np.uint8)

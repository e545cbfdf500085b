"""What goes into a turn of a conversation and what comes out, and what a conversation is handed by others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from shoplens.errors import InputError
from shoplens.recommend.asking import Constraint, Found, Moment
from shoplens.recommend.filters import Filter
from shoplens.recommend.rules import MOST
from shoplens.recommend.scenarios import Scenario
from shoplens.retrieval.asked import Given

Vector = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of width and height, 0 to 1
Source: TypeAlias = str | Path  # what the media reader opens: a file, an address, the name of an upload

MAX_TEXT = 1_000  # characters of a turn
MAX_PHOTOS, MAX_VIDEOS, MAX_SOUNDS = 8, 2, 4
MAX_DROPPED = 100
MAX_ID = 200  # characters of the id of a session


def _no_attributes() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PhotoAsk:
    """A photo, or the part of it inside a box."""

    source: Source
    crop: Box | None = None

    def __post_init__(self) -> None:
        if self.crop is None:
            return
        left, top, right, bottom = self.crop
        if not all(map(math.isfinite, self.crop)) or not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise InputError(
                f"crop: {self.crop} is not left, top, right, bottom as shares of width and height, such as "
                "0.25, 0, 0.75, 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a shopper says, shows or plays at once. InputError when it is more than a turn may hold."""

    session_id: str | None = None  # None begins a conversation; its id is in the reply
    user_id: str | None = None
    text: str = ""
    photos: tuple[PhotoAsk, ...] = ()
    videos: tuple[Source, ...] = ()
    sounds: tuple[Source, ...] = ()
    filter: Filter | None = None  # holds from now on, until the shopper takes it away or begins anew
    n: int = 10
    language: str | None = None  # "en" or "zh"; None = as the shopper writes
    reset: bool = False  # forget everything first
    drop: tuple[str, ...] = ()  # ids of `Reply.understood` that are no longer wanted
    scenario: Scenario | None = None  # the place of the shop that this turn is said in; None = as in `Ask`

    def __post_init__(self) -> None:
        if len(self.text) > MAX_TEXT:
            raise InputError(f"text: {len(self.text)} characters; a turn has at most {MAX_TEXT}")
        if not 1 <= self.n <= MOST:
            raise InputError(f"n: {self.n} is not between 1 and {MOST}")
        if self.session_id is not None and not 1 <= len(self.session_id) <= MAX_ID:
            raise InputError(f"session_id: has 1 to {MAX_ID} characters")
        for name, given, most in (
            ("photos", self.photos, MAX_PHOTOS),
            ("videos", self.videos, MAX_VIDEOS),
            ("sounds", self.sounds, MAX_SOUNDS),
            ("drop", self.drop, MAX_DROPPED),
        ):
            if len(given) > most:
                raise InputError(f"{name}: {len(given)} are too many; a turn has at most {most}")


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a photo, or a product of the shop, is to retrieval."""

    given: tuple[Given, ...] = ()  # to find what looks like it
    words: str = ""  # written in the photo
    attributes: Mapping[str, str] = field(default_factory=_no_attributes)  # what it shows: {"colour": "Red", …}
    shown: Vector | None = None  # where it lies in the shared space of words and photos: `Alignment.photo_vectors`


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A stretch of a video between two cuts; seconds."""

    start: float
    end: float
    given: tuple[Given, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SeenVideo:
    """What a video shows and says."""

    shots: tuple[Shot, ...] = ()
    speech: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What a sound is to retrieval, and what is said in it."""

    given: tuple[Given, ...] = ()
    speech: str = ""
    language: str = ""  # of the speech: "en", "zh" or "" when it is not known


class MediaReader(Protocol):
    """Opens what a turn carries. Raises InputError for what cannot be used."""

    def photo(self, source: Source, crop: Box | None) -> Seen:
        """Look at a photo or a part of it."""
        ...

    def video(self, source: Source) -> SeenVideo:
        """Look at a video shot by shot, and listen to it."""
        ...

    def sound(self, source: Source) -> Heard:
        """Listen to a sound."""
        ...


class Composer(Protocol):
    """Puts a photo and words that change it into one question (`features.align.composing`)."""

    def __call__(self, shown: Sequence[Vector], change: str) -> Vector | None:
        """A vector for the signal "looks" from `Seen.shown` of some photos; None when words change nothing of them."""
        ...


class Understand(Protocol):
    """Reads constraints out of plain words: the same that `Search` reads out of `Ask.text`."""

    def __call__(self, text: str, language: str) -> Sequence[Constraint]:
        """Constraints in the order in which they are said; none is fine."""
        ...


class Likeness(Protocol):
    """What a product of the shop is to retrieval, for "more like the second one"."""

    def __call__(self, item_id: str) -> Seen | None:
        """None when nothing is known that others could be near to."""
        ...


@dataclass(frozen=True, slots=True)
class Option:
    """An answer that a question offers: send its filter, or its text, in the next turn."""

    label: str
    text: str
    filter: Filter | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Asked back when what is wanted is not clear. Ignoring it is fine."""

    text: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Appearance:
    """A product that is seen in a video of the turn."""

    item_id: str
    moment: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Products, how the conversation was understood so far, and what to ask or say."""

    session_id: str
    turn: int  # of this conversation, from 1
    found: Found
    understood: tuple[Constraint, ...]  # everything that holds now; ids may be sent back in `Turn.drop`
    said: str  # one sentence for the shopper, in `language`
    language: str
    heard: str | None = None  # what speech was understood as
    seen: tuple[Mapping[str, str], ...] = ()  # what each photo shows, in attributes
    read: str = ""  # words written in the photos
    moments: tuple[Appearance, ...] = ()  # which products appear when in the videos
    about: tuple[str, ...] = ()  # products that the shopper referred to
    question: Question | None = None

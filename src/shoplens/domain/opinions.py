"""What people say in public: one post, what was read out of it, and the series in which posts are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import sqrt
from types import MappingProxyType

from shoplens.domain.events import key_of_text

ALL = "all"  # the series that every post belongs to
KINDS = ("topic", "product", "entity", "aspect")  # of the others: "topic:delivery", "product:p017", …
LONGEST = 4_000  # characters of a post that are kept and read
Z95 = 1.959964  # of a normal distribution: two-sided 95 %


class Tone(StrEnum):
    """How something is said."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One text that somebody published."""

    text: str
    timestamp: int  # microseconds since 1970, UTC: when it was published
    source: str = ""  # where it comes from: "reviews", a feed's address, whatever the shop calls it
    post_id: str | None = None  # the source's own id
    author: str | None = None  # user_id of the shop, or a name elsewhere
    item_id: str | None = None  # the product that it is about, where that is known
    link: str | None = None
    reach: int = 1  # people who saw it, as far as known

    @property
    def key(self) -> int:
        """Signed 64-bit identity: a post that is taken in twice has the same key, and counts once."""
        own = (self.post_id,) if self.post_id else (self.author, str(self.timestamp), self.item_id, self.text)
        return key_of_text("\x1f".join(("opinion", self.source, *(part or "" for part in own))))


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody or something that a post names."""

    kind: str  # product, brand, company, person, …
    name: str  # as the shop writes it

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read out of one post. `tones` are probabilities that add up to 1."""

    language: str  # en, zh, other
    tones: Mapping[Tone, float]
    topic: str | None = None
    topic_sure: float = 0.0  # probability that the topic is right
    aspects: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # → how likely it is blamed
    entities: tuple[Named, ...] = ()

    @property
    def tone(self) -> Tone:
        """The likeliest."""
        return max(self.tones, key=lambda tone: self.tones[tone])


def series_of(post: Post, reading: Reading) -> tuple[str, ...]:
    """The series in which a post counts, without repetition."""
    found = {ALL: None}
    if reading.topic:
        found[f"topic:{reading.topic}"] = None
    if post.item_id:
        found[f"product:{post.item_id}"] = None
    for named in reading.entities:
        found[f"product:{named.name}" if named.kind == "product" else f"entity:{named.name}"] = None
    for aspect in reading.aspects:
        found[f"aspect:{aspect}"] = None
    return tuple(" ".join(name.split()) for name in found)


def kind_of(series: str) -> str:
    """all, topic, product, entity or aspect."""
    return series.partition(":")[0]


@dataclass(slots=True)
class Count:
    """Posts of one series in one stretch of time. Copies are not among `posts`; all that saw them are in `reach`."""

    posts: int = 0
    negative: int = 0
    positive: int = 0
    reach: int = 0

    @property
    def neutral(self) -> int:
        """Posts that are neither."""
        return self.posts - self.negative - self.positive

    @property
    def share(self) -> float:
        """Negative posts among all; 0 without any."""
        return self.negative / self.posts if self.posts else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the share of negative posts."""
        return wilson(self.negative, self.posts)

    def add(self, other: Count) -> None:
        """Take in what another stretch counted."""
        self.posts += other.posts
        self.negative += other.negative
        self.positive += other.positive
        self.reach += other.reach


def wilson(successes: float, trials: float, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927); (0, 1) without a trial."""
    if trials <= 0:
        return 0.0, 1.0
    share = successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)

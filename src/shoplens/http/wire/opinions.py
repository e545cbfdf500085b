"""Posts, trends and alerts over the wire."""

from __future__ import annotations

import hashlib
import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from shoplens.apps.opinions.alerting import figures
from shoplens.apps.opinions.monitor import Taken
from shoplens.apps.opinions.telling import alert_json, post_json
from shoplens.apps.opinions.trends import Trend
from shoplens.domain.moments import told
from shoplens.domain.opinions import Count, Post
from shoplens.http.wire.catalogue import Moment
from shoplens.http.wire.fields import SAID_PATTERN, SERIES_PATTERN, Id, Request, ShortText, Told, microseconds
from shoplens.http.wire.product_opinions import FiguresOut
from shoplens.service.opinion_topics import OpinionTopics
from shoplens.service.opinions import OpinionService
from shoplens.store.opinions import AlertRecord

PostText = Annotated[str, Field(min_length=1, max_length=20_000, pattern=SAID_PATTERN)]
MOST = 1_000  # posts of one request
#: A series: all, topic:NAME, product:ID, entity:NAME or aspect:NAME.
Series = Annotated[str, Field(min_length=1, max_length=300, pattern=SERIES_PATTERN)]


class PostIn(Request):
    """One text that somebody published."""

    text: PostText
    timestamp: Moment | None = Field(default=None, description="When it was published; without it: now.")
    post_id: Id | None = Field(
        default=None,
        description="The source's own id: the same post sent twice counts once. Without it posts are the same when "
        "source, author, product, text and time are; where the time is missing too, the link stands for it.",
    )
    source: ShortText = "http"
    author: Id | None = Field(default=None, description="user_id of the shop, or a name elsewhere.")
    item_id: Id | None = Field(default=None, description="The product that it is about, where that is known.")
    link: ShortText | None = None
    reach: int = Field(default=1, ge=0, le=10**12, description="People who saw it, as far as known.")

    def to_post(self) -> Post:
        """As the monitor takes it."""
        moment = microseconds(self.timestamp) if self.timestamp is not None else int(time.time() * 1e6)
        return Post(
            text=self.text,
            timestamp=moment,
            source=self.source,
            post_id=self.post_id or (self._content_id() if self.timestamp is None else None),
            author=self.author,
            item_id=self.item_id,
            link=self.link,
            reach=self.reach,
        )

    def _content_id(self) -> str:
        """What stays the same when a post without an id and a time is sent again: the time of arrival does not."""
        parts = (self.author, self.item_id, self.link, self.text)
        return "content:" + hashlib.sha256("\x1f".join(part or "" for part in parts).encode()).hexdigest()[:32]


class PostsIn(Request):
    """Posts to read and to count, in the order in which they came."""

    posts: list[PostIn] = Field(min_length=1, max_length=MOST)


class NamedOut(BaseModel):
    """Somebody or something that a post names."""

    kind: str
    name: str


class PostOut(BaseModel):
    """A post with what was read out of it."""

    number: int = Field(description="Order of arrival.")
    timestamp: Told
    text: str
    source: str
    item_id: str | None
    link: str | None
    language: str
    topic: str | None
    topic_sure: float = Field(description="Probability that the topic is right.")
    tones: dict[Literal["positive", "neutral", "negative"], float] = Field(description="Probabilities.")
    aspects: dict[str, float] = Field(description="Aspect → how likely it is blamed.")
    entities: list[NamedOut]
    reach: int
    copies: int
    copy_of: int | None = Field(description="Number of the post that this one repeats; it counts as reach of that.")
    late: bool = Field(description="Came when its window was closed: counted, but no alert looked at it.")


class AspectChange(BaseModel):
    """Shares of the posts that name an aspect."""

    aspect: str
    before: float
    during: float


class AlertOut(BaseModel):
    """A surge, with its evidence."""

    alert_id: str
    series: str
    kind: Literal["tone", "volume"]
    severity: Literal["info", "warning", "critical"]
    summary: str
    began: Told = Field(description="When the change began, as estimated.")
    opened: Told = Field(description="End of the window in which it was found.")
    closed: Told | None
    acknowledged: Told | None
    acknowledged_by: str
    note: str
    before: FiguresOut = Field(description="The 28 days before it began.")
    during: FiguresOut
    usual_share: float
    usual_posts: float = Field(description="Posts that would have been usual for as long.")
    evidence: float = Field(description="Log-likelihood ratio when it was found.")
    words: list[str] = Field(description="Words that stand in more of the posts than before.")
    aspects: list[AspectChange]
    also: list[str] = Field(description="Other series that show the same surge.")
    again: int = Field(description="How often it came back within the cool-down.")
    posts: list[PostOut] = Field(description="Posts that show it best.")


class PostsAnswer(BaseModel):
    """What became of the posts. All or none of a request are counted."""

    accepted: int = Field(description="Counted for the first time, copies included.")
    duplicates: int = Field(description="Were taken in before.")
    copies: int = Field(description="Repeat an earlier post: one opinion, more reach.")
    late: int
    read_by: dict[str, str] = Field(description="How tone and topic were read: trained, examples, names or words.")
    posts: list[PostOut]
    alerts: list[AlertOut] = Field(description="Opened by these posts.")


class SeriesTotal(FiguresOut):
    """One series in a period."""

    series: str


class TotalsAnswer(BaseModel):
    """Series with most posts first."""

    series: list[SeriesTotal]


class StepOut(FiguresOut):
    """One hour, day or week of a series."""

    start: Told


class TrendAnswer(BaseModel):
    """A series over time, by hour of the day and by weekday (Monday first), as `opinions.timezone` has them."""

    series: str
    since: Told
    before: Told
    step: Literal["hour", "day", "week"]
    total: FiguresOut
    steps: list[StepOut]
    hours: list[FiguresOut]
    weekdays: list[FiguresOut]


class AlertsAnswer(BaseModel):
    """The latest first."""

    alerts: list[AlertOut]


class AcknowledgeIn(Request):
    """Who looks after an alert."""

    by: ShortText = ""
    note: ShortText = ""


class TopicOut(BaseModel):
    """A topic that was found."""

    name: str
    words: dict[str, list[str]] = Field(description="Language → words that mark it, the clearest first.")
    posts: int
    share: float = Field(description="Of the posts that were looked at.")
    adopted: str | None = Field(description="What `opinions.topics` calls it, where posts are sorted into it.")
    examples: list[str] = Field(description="Posts that show it, shortened.")


class TopicsAnswer(BaseModel):
    """Topics that `shoplens opinions topics discover` found last, those with most posts first."""

    found: Told | None = Field(description="When; null: never yet.")
    posts: int = Field(description="Posts that were looked at.")
    silhouette: float = Field(description="How well topics are told apart, -1 to 1 (Rousseeuw 1987).")
    topics: list[TopicOut]


def topics_json(topics: OpinionTopics) -> dict[str, Any]:
    """`TopicsAnswer`."""
    kept = topics.found()
    listed = [
        {
            "name": one.name,
            "words": one.words,
            "posts": one.posts,
            "share": round(one.posts / max(kept.posts, 1), 4),
            "adopted": topics.adopted(one),
            "examples": topics.examples(one),
        }
        for one in kept.topics
    ]
    return {
        "found": told(kept.found or None),
        "posts": kept.posts,
        "silhouette": kept.silhouette,
        "topics": listed,
    }


def posts_json(taken: Taken, service: OpinionService, language: str) -> dict[str, Any]:
    """`PostsAnswer`."""
    return {
        "accepted": len(taken.posts),
        "duplicates": taken.duplicates,
        "copies": taken.copies,
        "late": taken.late,
        "read_by": service.reader().how(),
        "posts": [post_json(one) for one in taken.posts],
        "alerts": [alert_json(one, service.evidence(one), language) for one in taken.alerts],
    }


def alerts_json(alerts: list[AlertRecord], service: OpinionService, language: str) -> dict[str, Any]:
    """`AlertsAnswer`."""
    return {"alerts": [alert_json(one, service.evidence(one), language) for one in alerts]}


def totals_json(totals: list[tuple[str, Count]]) -> dict[str, Any]:
    """`TotalsAnswer`."""
    return {"series": [{"series": name, **figures(count)} for name, count in totals]}


def trend_json(trend: Trend) -> dict[str, Any]:
    """`TrendAnswer`."""
    return {
        "series": trend.series,
        "since": told(trend.since),
        "before": told(trend.before),
        "step": trend.step,
        "total": figures(trend.total),
        "steps": [{"start": told(one.start), **figures(one.count)} for one in trend.steps],
        "hours": [figures(one) for one in trend.hours],
        "weekdays": [figures(one) for one in trend.weekdays],
    }

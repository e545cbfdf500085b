"""Rows in anybody's words → posts. A row that cannot be one is refused with its line and reason."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from shoplens.domain.opinions import LONGEST, Post
from shoplens.ingest.events.times import parse_times
from shoplens.ingest.report import IngestReport
from shoplens.ingest.text import clean_text

#: Our field → names that are understood, the first that a row has counts. Letter case, blanks and hyphens are nothing.
COLUMNS: dict[str, tuple[str, ...]] = {
    "text": ("text", "body", "content", "review", "review_body", "comment", "message", "description", "内容", "评论"),
    "title": ("title", "headline", "subject", "review_title", "标题"),
    "timestamp": ("timestamp", "time", "date", "created_at", "published", "published_at", "datetime", "时间", "日期"),
    "post_id": ("post_id", "id", "review_id", "comment_id", "tweet_id", "guid"),
    "author": ("author", "user_id", "user", "username", "reviewer", "customer_id"),
    "item_id": ("item_id", "product_id", "sku", "asin", "item"),
    "link": ("link", "url", "permalink"),
    "reach": ("reach", "followers", "views", "impressions", "audience"),
    "source": ("source", "channel", "site", "platform"),
}
MOST_REACH = 10**12
AHEAD = 86_400_000_000  # microseconds that another clock may be ahead of ours; more would close windows too early


class PostRows:
    """Turns rows of one source into posts. `name`: what the source is called where a row does not say; `mapping`: our
    field → their column, before what is understood anyway; `now`: time of a post that has none (microseconds; None:
    such rows are refused, because whoever reads the file again must find the same times)."""

    def __init__(
        self, name: str, *, mapping: Mapping[str, str] | None = None, report: IngestReport, now: int | None = None
    ) -> None:
        self.name = name
        self.report = report
        self._mapping = dict(mapping or {})
        self._now = now
        self._latest = int(clock.time() * 1e6) + AHEAD
        self._names: dict[tuple[str, ...], dict[str, str]] = {}

    def read(self, rows: Sequence[Mapping[str, Any]], lines: Sequence[int], *, file: str = "") -> list[Post]:
        """The posts of some rows, in their order."""
        where = file or self.name
        times = self._times(rows)
        posts = []
        for row, line, time in zip(rows, lines, times, strict=True):
            post = self._post(row, line, time, where)
            if post is not None:
                posts.append(post)
        self.report.accept(len(posts))
        return posts

    def _post(self, row: Mapping[str, Any], line: int, time: int | None, where: str) -> Post | None:
        value = self._values(row)
        title, text = (clean_text(_said(value.get(name)), one_line=name == "title") for name in ("title", "text"))
        if title and not text.casefold().startswith(title.casefold()):
            text = f"{title}. {text}" if text else title
        if not text:
            self.report.refuse(where, line, "text", "there is no text", str(dict(row)))
            return None
        if time is None:
            time = self._now if not _said(value.get("timestamp")) else None
        if time is None:
            self.report.refuse(where, line, "timestamp", "there is no time that can be read", str(dict(row)))
            return None
        if time > self._latest:
            self.report.refuse(where, line, "timestamp", "the time lies in the future", str(dict(row)))
            return None
        return Post(
            text=_whole(text[:LONGEST]),
            timestamp=time,
            source=_said(value.get("source")) or self.name,
            post_id=_said(value.get("post_id")) or None,
            author=_said(value.get("author")) or None,
            item_id=_said(value.get("item_id")) or None,
            link=_said(value.get("link")) or None,
            reach=self._reach(value.get("reach"), line, where),
        )

    def _values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Our field → value."""
        key = tuple(row)
        names = self._names.get(key)
        if names is None:
            folded = {_folded(name): name for name in reversed(key)}
            names = {
                field: folded[known]
                for field, understood in COLUMNS.items()
                if (known := next((one for one in understood if one in folded), None)) is not None
            }
            names |= {field: theirs for field, theirs in self._mapping.items() if theirs in row}
            if len(self._names) < 1_000:  # rows of JSON may all have other keys
                self._names[key] = names
        return {field: row[theirs] for field, theirs in names.items()}

    def _times(self, rows: Sequence[Mapping[str, Any]]) -> list[int | None]:
        told = [_said(self._values(row).get("timestamp")) or None for row in rows]
        return parse_times(pl.Series(told, dtype=pl.String)).values.to_list() if rows else []

    def _reach(self, value: Any, line: int, where: str) -> int:
        told = _said(value)
        if not told:
            return 1
        try:
            number = int(float(told.replace(",", "")))
        except (ValueError, OverflowError):
            self.report.drop_field(where, line, "reach", "is no number", told)
            return 1
        return min(max(number, 0), MOST_REACH)


def _said(value: Any) -> str:
    """A value as text without what no database stores; "" for none."""
    if value is None or isinstance(value, Mapping | list):
        return ""
    return _whole(str(value)).strip()


def _whole(text: str) -> str:
    """Without halves of surrogate pairs and zero characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _folded(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")

"""Posts of an RSS or Atom feed."""

from __future__ import annotations

import calendar
from typing import Any

from shoplens.domain.opinions import Post
from shoplens.errors import FormatError
from shoplens.ingest.opinions.rows import PostRows

MOST_BYTES = 20_000_000  # of one feed


def read_feed(content: bytes, rows: PostRows, *, address: str) -> list[Post]:
    """The entries of a feed, the oldest first. FormatError when it is none.

    feedparser resolves no external entities; documents that declare any of their own are refused before it.
    """
    import feedparser

    if b"<!ENTITY" in content[:65_536]:
        raise FormatError(f"{address}: refused, the document declares entities of its own")
    parsed = feedparser.parse(content[:MOST_BYTES])
    if not parsed.get("version"):
        raise FormatError(f"{address}: this is neither RSS nor Atom")
    title = str(parsed.feed.get("title", "")).strip()
    entries = [_row(entry, title or rows.name) for entry in parsed.entries]
    posts = rows.read(entries, range(1, len(entries) + 1), file=address)
    return sorted(posts, key=lambda one: one.timestamp)


def _row(entry: Any, source: str) -> dict[str, Any]:
    published = entry.get("published_parsed") or entry.get("updated_parsed")
    body = entry["content"][0].get("value", "") if entry.get("content") else entry.get("summary", "")
    return {
        "title": entry.get("title", ""),
        "text": body,
        "timestamp": str(calendar.timegm(published) * 1_000_000) if published else "",
        "post_id": entry.get("id") or entry.get("link") or "",
        "author": entry.get("author", ""),
        "link": entry.get("link", ""),
        "source": source,
    }

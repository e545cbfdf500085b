"""What the log keeps of a search."""

from __future__ import annotations

import time

import orjson

from shoplens.apps.search.paging import Cursor, fingerprint
from shoplens.apps.search.sorting import count_keys
from shoplens.recommend.asking import Ask, Found
from shoplens.recommend.filter_json import filter_json
from shoplens.store.records import SearchRecord


def record_of(ask: Ask, found: Found) -> SearchRecord:
    """What the log keeps of a search."""
    names = dict.fromkeys(name for hit in found.items for name in hit.parts)
    shown_before = 0
    if ask.page is not None:
        shown_before = (ask.page - 1) * ask.n
    elif ask.cursor is not None:
        shown_before = Cursor.decode(ask.cursor, fingerprint(ask), count_keys(ask.sort)).shown
    return SearchRecord(
        impression_id=found.impression_id,
        timestamp=int(time.time() * 1e6),
        query="" if ask.written else ask.text,  # nobody asked for it, and a photo may be of a letter
        user_id=ask.user_id,
        session_id=ask.session_id,
        language=found.language,
        total=found.total,
        shown=tuple(hit.item_id for hit in found.items),
        first=shown_before + 1,
        features={name: tuple(hit.parts.get(name, float("nan")) for hit in found.items) for name in names},
        filters="" if ask.filter is None else orjson.dumps(filter_json(ask.filter)).decode(),
    )

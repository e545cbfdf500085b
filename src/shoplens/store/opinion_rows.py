"""Records of opinions as rows of the database, and back."""

from __future__ import annotations

from typing import Any

import orjson

from shoplens.domain.opinions import Tone
from shoplens.store.opinions import AlertRecord, PostRecord
from shoplens.store.sql_answers import short, storable, storable_or_none

_TONES = (Tone.POSITIVE, Tone.NEUTRAL, Tone.NEGATIVE)


def row_of_post(post: PostRecord) -> dict[str, Any]:
    """Texts without what a database cannot store."""
    likeliest = max(range(3), key=lambda place: post.tones[place])
    return {
        "sequence": post.sequence,
        "key": post.key,
        "timestamp": post.timestamp,
        "source": storable(post.source),
        "author": storable_or_none(post.author),
        "item_id": storable_or_none(post.item_id),
        "link": storable_or_none(post.link),
        "text": storable(post.text),
        "language": post.language,
        "topic": storable_or_none(post.topic),
        "topic_sure": short(post.topic_sure),
        **{tone.value: short(value) for tone, value in zip(_TONES, post.tones, strict=True)},
        "tone": _TONES[likeliest].value,
        "aspects": orjson.dumps({storable(name): short(value) for name, value in post.aspects.items()}).decode(),
        "entities": orjson.dumps([[kind, storable(name)] for kind, name in post.entities]).decode(),
        "series": "\n" + "".join(f"{storable(name)}\n" for name in post.series),
        "reach": post.reach,
        "copies": post.copies,
        "copy_of": post.copy_of,
        "late": post.late,
        "sketch": post.sketch,
    }


def post_of_row(row: Any) -> PostRecord:
    """As it was kept."""
    return PostRecord(
        sequence=row.sequence,
        key=row.key,
        timestamp=row.timestamp,
        source=row.source,
        author=row.author,
        item_id=row.item_id,
        link=row.link,
        text=row.text,
        language=row.language,
        topic=row.topic,
        topic_sure=row.topic_sure,
        tones=(row.positive, row.neutral, row.negative),
        aspects=orjson.loads(row.aspects),
        entities=tuple((kind, name) for kind, name in orjson.loads(row.entities)),
        series=tuple(row.series.strip("\n").split("\n")),
        reach=row.reach,
        copies=row.copies,
        copy_of=row.copy_of,
        late=bool(row.late),
        sketch=bytes(row.sketch),
    )


def row_of_alert(alert: AlertRecord) -> dict[str, Any]:
    """All of it."""
    return {
        "alert_id": alert.alert_id,
        "series": storable(alert.series),
        "kind": alert.kind,
        "severity": alert.severity,
        "opened": alert.opened,
        "began": alert.began,
        "closed": alert.closed,
        "acknowledged": alert.acknowledged,
        "acknowledged_by": storable(alert.acknowledged_by),
        "note": storable(alert.note),
        "told": storable(orjson.dumps(alert.told).decode()),
    }


def alert_of_row(row: Any) -> AlertRecord:
    """As it was kept."""
    return AlertRecord(
        alert_id=row.alert_id,
        series=row.series,
        kind=row.kind,
        severity=row.severity,
        opened=row.opened,
        began=row.began,
        closed=row.closed,
        acknowledged=row.acknowledged,
        acknowledged_by=row.acknowledged_by,
        note=row.note,
        told=orjson.loads(row.told),
    )

"""Bot-like sessions, by one conservative rule.

Somebody (a person, or a guest's session) counts as a robot who viewed or clicked more than `VIEWS_A_MINUTE` products a
minute in at least `MINUTES` different minutes, spread over at least `DISTINCT_TIMES` different times within each
(a log that rounds its times to minutes or days cannot be judged), and of whom the file has shown no cart, purchase,
wishlist, rating or anything else that a shopper does and a crawler does not. Lists shown (impressions) do not count.

The file is read once: rows before the chunk in which somebody gives themselves away are through already.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from shoplens.domain.events import EVENT_CODES, EventType
from shoplens.ingest.events.seen import RecentKeys

VIEWS_A_MINUTE = 60
MINUTES = 3
DISTINCT_TIMES = 20
MAX_SUSPECTS = 50_000  # minutes of suspects remembered, the latest ones

_LOOKING = [EVENT_CODES[kind] for kind in (EventType.VIEW, EventType.CLICK)]
_NEUTRAL = [
    *_LOOKING,
    *(EVENT_CODES[kind] for kind in (EventType.IMPRESSION, EventType.SEARCH, EventType.ORDER_STATUS)),
]
_MINUTE = 60_000_000  # microseconds


class BotWatch:
    """Watches the events of one source go by, in chunks; memory is constant."""

    def __init__(self) -> None:
        self._shoppers = RecentKeys(bits=20)
        self._suspects = pl.DataFrame(
            schema={"actor": pl.UInt64, "minute": pl.Int64, "views": pl.Int64, "times": pl.Int64}
        )
        self._robots = RecentKeys(bits=16)

    def bot_like(self, events: pl.DataFrame) -> pl.Series:
        """Which rows are a robot's. Needs `code`, `timestamp`, `user_id`, `session_id`. Boolean, [rows]."""
        rows = events.select(
            pl.coalesce("user_id", pl.lit("\x1f") + pl.col("session_id")).hash(seed=7).alias("actor"),
            "code",
            (pl.col("timestamp") // _MINUTE).alias("minute"),
            "timestamp",
        )
        doing = rows.filter(~pl.col("code").is_in(_NEUTRAL))["actor"].unique()
        if len(doing):
            self._shoppers.add(doing.to_numpy().view(np.int64))
        looking = rows.filter(pl.col("code").is_in(_LOOKING))
        if looking.is_empty():
            return pl.repeat(False, rows.height, dtype=pl.Boolean, eager=True)
        self._note(looking)
        actors = rows["actor"].to_numpy().view(np.int64)
        return pl.Series(self._robots.seen(actors) & ~self._shoppers.seen(actors))

    def _note(self, looking: pl.DataFrame) -> None:
        """Count views by minute; whoever passes the limits in enough minutes is a robot from now on."""
        busy = looking.group_by("actor").agg(pl.len()).filter(pl.col("len") > VIEWS_A_MINUTE // 4).select("actor")
        minutes = (
            looking.join(busy, on="actor", how="semi")
            .group_by("actor", "minute")
            .agg(pl.len().cast(pl.Int64).alias("views"), pl.col("timestamp").n_unique().cast(pl.Int64).alias("times"))
            # a minute may lie across two chunks, so less than the limit is remembered too
            .filter(pl.col("views") > VIEWS_A_MINUTE // 4)
        )
        if minutes.is_empty():
            return
        self._suspects = (
            pl.concat([self._suspects, minutes])
            .group_by("actor", "minute", maintain_order=True)
            .agg(pl.col("views").sum(), pl.col("times").sum())
            .tail(MAX_SUSPECTS)
        )
        robots = (
            self._suspects.filter((pl.col("views") > VIEWS_A_MINUTE) & (pl.col("times") >= DISTINCT_TIMES))
            .group_by("actor")
            .agg(pl.len())
            .filter(pl.col("len") >= MINUTES)["actor"]
        )
        self._robots.add(robots.to_numpy().view(np.int64))

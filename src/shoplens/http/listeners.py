"""Places of streams that wait for messages: so many in all, fewer for one client, a few for one conversation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import NoReturn

from fastapi import HTTPException

from shoplens.errors import ServiceUnavailableError

PER_CONVERSATION = 4  # open pages of one customer
OTHERWISE = "ask for them without `Accept: text/event-stream`"


class Listeners:
    """Who listens in this process. `most`: places; `share`: of them that one client may hold, the rest is others'."""

    def __init__(self, most: int, share: float) -> None:
        self._most = most
        self._of_one = math.ceil(most * share)
        self._held: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        return self._held["all", ""]

    def take(self, client: str, conversation: str) -> Callable[[], None]:
        """A place, until what is returned is called. ServiceUnavailableError when all are taken, HTTP 429 when this
        client, or those who listen to this conversation, have theirs."""
        if len(self) >= self._most:
            raise ServiceUnavailableError(
                f"{len(self)} streams wait for messages already, as server.max_message_streams allows; {OTHERWISE}"
            )
        held = [("all", ""), ("client", client), ("conversation", conversation)]
        if self._held[held[1]] >= self._of_one:
            allowed = (
                f"{self._of_one} streams of this key or address wait already, as server.message_stream_share allows"
            )
            self._refuse(allowed)
        if self._held[held[2]] >= PER_CONVERSATION:
            self._refuse(f"{PER_CONVERSATION} streams of this conversation wait already")
        self._held.update(held)

        def leave() -> None:
            self._held.subtract(held)
            for one in held:
                if not self._held[one]:
                    del self._held[one]

        return leave

    def _refuse(self, why: str) -> NoReturn:
        raise HTTPException(429, f"{why}; close one, or {OTHERWISE}", {"retry-after": "1"})

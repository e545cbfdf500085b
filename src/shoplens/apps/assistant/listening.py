"""Who hears of a turn while it is answered: what was understood, what was found, each sentence once it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, Protocol

from shoplens.apps.assistant.turns import Sentence

Stage = Literal["understood", "found"]
Switched = Literal["unsupported", "failed"]


class TurnStoppedError(Exception):
    """Nobody waits for the answer any more; nothing of the turn is kept."""


class Listener(Protocol):
    """Of one turn. What it raises ends the turn."""

    def stage(self, name: Stage, told: Mapping[str, object]) -> None:
        """The turn came so far."""
        ...

    def sentence(self, sentence: Sentence) -> None:
        """The next sentence of the answer. It stays."""
        ...

    def switched(self, said: int, why: Switched) -> None:
        """After so many sentences of an endpoint the rest is templates."""
        ...

    def check(self) -> None:
        """TurnStoppedError when nobody listens any more."""
        ...


class Nobody:
    """Does not listen: the answer may change until it is complete."""

    def stage(self, name: Stage, told: Mapping[str, object]) -> None:
        """Nothing."""

    def sentence(self, sentence: Sentence) -> None:
        """Nothing."""

    def switched(self, said: int, why: Switched) -> None:
        """Nothing."""

    def check(self) -> None:
        """Go on."""


class Staying:
    """Tells another listener, and goes on when that one has gone: for what people of the shop must hear of."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def stage(self, name: Stage, told: Mapping[str, object]) -> None:
        """If there is still somebody."""
        with suppress(TurnStoppedError):
            self._listener.stage(name, told)

    def sentence(self, sentence: Sentence) -> None:
        """If there is still somebody."""
        with suppress(TurnStoppedError):
            self._listener.sentence(sentence)

    def switched(self, said: int, why: Switched) -> None:
        """If there is still somebody."""
        with suppress(TurnStoppedError):
            self._listener.switched(said, why)

    def check(self) -> None:
        """Go on."""


NOBODY = Nobody()

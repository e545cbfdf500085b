"""Who hears of a turn while it is answered: what was understood, what was found, each sentence once it is checked."""

from __future__ import annotations

from collections.abc import Mapping
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


NOBODY = Nobody()

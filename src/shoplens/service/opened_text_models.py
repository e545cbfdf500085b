"""Text models of one kind, opened at the first question and followed when another version is put in their place."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from shoplens.errors import NotFoundError
from shoplens.service.text_models import SavedTextModel, TextModels

Model = TypeVar("Model")


class OpenedTextModels(Generic[Model]):
    """Those of a workspace. Safe between threads. `learn`: the command that makes one, for who has none yet."""

    def __init__(self, saved: TextModels, kind: str, load: Callable[[SavedTextModel], Model], *, learn: str) -> None:
        self._saved, self._kind, self._load, self._learn = saved, kind, load, learn
        self._open: dict[str, tuple[SavedTextModel, Model]] = {}
        self._lock = threading.Lock()

    def get(self, name: str | None = None) -> tuple[SavedTextModel, Model]:
        """The version of that name which answers now; without a name, the only model there is.

        NotFoundError says which names there are; ModelFileError as in `TextModels.open`.
        """
        name = self._only() if name is None else name
        version = self._saved.stamp(name)
        with self._lock:
            known = self._open.get(name)
            if known is None or known[0].version != version:
                saved = self._saved.open(name)
                if saved.kind != self._kind:
                    there = ", ".join(self._saved.names(self._kind)) or "none"
                    raise NotFoundError(f"{name!r} is a {saved.kind}, not a {self._kind}; there are: {there}")
                known = self._open[name] = (saved, self._load(saved))
            return known

    def _only(self) -> str:
        there = self._saved.names(self._kind)
        if len(there) == 1:
            return there[0]
        if not there:
            raise NotFoundError(f"there is no {self._kind} yet; train one: {self._learn}")
        raise NotFoundError(f"there are several {self._kind}s; name one of: {', '.join(there)}")

"""Conversations in files, for shops that serve from several processes: a turn may come to another one than the turn
before.

One file a conversation, written whole or not at all, named after a hash of its id. It is JSON with vectors as base64:
reading one runs no code, and what cannot be read is no conversation.
"""

from __future__ import annotations

import base64
import os
import time
import uuid
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from shoplens.apps.interaction.scene import Base, Scene
from shoplens.apps.interaction.sessions import IDLE, MOST_SESSIONS, Session
from shoplens.apps.interaction.turns import Vector
from shoplens.errors import InputError
from shoplens.recommend.asking import Ask, Constraint, Sort
from shoplens.recommend.filter_json import filter_json
from shoplens.recommend.filters import Filter, parse_filter
from shoplens.retrieval.asked import Given

FORMAT = 1
LARGEST = 8 << 20  # bytes of a file that is read
PRUNE_EVERY = 200  # conversations written between two looks for old ones
SUFFIX = ".json"
TEXTS = ("lines", "dropped", "passed", "only", "table")  # fields of a scene that are tuples of texts
READ = ("wishes", "understood", "holding")  # of constraints


class FolderKeeper:
    """See the top of this file. Safe to share between threads and processes."""

    def __init__(
        self,
        folder: Path,
        *,
        idle: float = IDLE,
        most: int = MOST_SESSIONS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._idle, self._most, self._clock = folder, idle, most, clock
        self._saved = 0

    def load(self, session_id: str) -> Session | None:
        """The conversation of that id; None when there is none, or nobody went on with it for too long."""
        file = self._file(session_id)
        try:
            facts = file.stat()
            if self._clock() - facts.st_mtime > self._idle or facts.st_size > LARGEST:
                return None
            return _session(orjson.loads(file.read_bytes()), session_id)
        except (OSError, ValueError, KeyError, TypeError, IndexError, InputError):
            return None

    def save(self, session: Session) -> None:
        """Write it down."""
        partial = self._folder / f".{uuid.uuid4().hex}"
        partial.write_bytes(orjson.dumps(_told(session)))
        os.utime(partial, (self._clock(), self._clock()))
        partial.replace(self._file(session.session_id))
        self._saved += 1
        if self._saved % PRUNE_EVERY == 0:
            self.prune()

    def prune(self) -> None:
        """Delete what nobody goes on with, and the longest at rest where there are too many."""
        now, rested = self._clock(), []
        for file in self._folder.iterdir():
            try:
                rested.append((file.stat().st_mtime, file))
            except OSError:
                continue  # another process was faster
        rested.sort(key=lambda one: one[0], reverse=True)
        for place, (when, file) in enumerate(rested):
            if place >= self._most or now - when > self._idle:
                file.unlink(missing_ok=True)

    def forget(self, session_id: str) -> bool:
        """Delete one conversation. False when there was none."""
        file = self._file(session_id)
        there = file.exists()
        file.unlink(missing_ok=True)
        return there

    def of_guest(self, session_id: str) -> dict[str, Any] | None:
        """The conversation of that id as it is kept; None when there is none, or it is somebody's."""
        try:
            kept: dict[str, Any] = orjson.loads(self._file(session_id).read_bytes())
            return kept if kept.get("user_id") is None else None
        except (OSError, ValueError, AttributeError):
            return None

    def forget_person(self, user_id: str) -> int:
        """Delete the conversations of a person. Returns how many there were."""
        gone = 0
        for file in self._folder.glob(f"*{SUFFIX}"):
            try:
                if orjson.loads(file.read_bytes()).get("user_id") == user_id:
                    file.unlink(missing_ok=True)
                    gone += 1
            except (OSError, ValueError, AttributeError):
                continue
        return gone

    def of_person(self, user_id: str) -> list[dict[str, Any]]:
        """The conversations of a person, as they are kept."""
        found = []
        for file in sorted(self._folder.glob(f"*{SUFFIX}")):
            try:
                kept = orjson.loads(file.read_bytes())
                if kept.get("user_id") == user_id:
                    found.append(kept)
            except (OSError, ValueError, AttributeError):
                continue
        return found

    def _file(self, session_id: str) -> Path:
        name = blake2b(session_id.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
        return self._folder / f"{name}{SUFFIX}"


class _Vectors:
    """Each vector once: scenes share them."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}
        self.told: list[str] = []
        self._held: list[Vector] = []  # so that no id is used twice

    def put(self, vector: Vector) -> int:
        place = self._places.get(id(vector))
        if place is None:
            place = self._places[id(vector)] = len(self.told)
            self._held.append(vector)
            self.told.append(base64.b64encode(np.ascontiguousarray(vector, np.float32).tobytes()).decode())
        return place


def _told(session: Session) -> dict[str, Any]:
    vectors = _Vectors()
    bases = list({id(scene.base): scene.base for scene in session.scenes if scene.base is not None}.values())
    places = {id(base): place for place, base in enumerate(bases)}
    return {
        "format": FORMAT,
        "user_id": session.user_id,
        "turn": session.turn,
        "about": session.about,
        "language": session.language,
        "asked": sorted(session.asked),
        "bases": [_told_base(base, vectors) for base in bases],
        "scenes": [_told_scene(scene, places, vectors) for scene in session.scenes],
        "vectors": vectors.told,  # last: filled by what stands before
    }


def _told_base(base: Base, vectors: _Vectors) -> dict[str, Any]:
    return {
        "kind": base.kind,
        "given": _told_given(base.given, vectors),
        "shown": [vectors.put(one) for one in base.shown],
        "words": base.words,
        "item_ids": base.item_ids,
        "many": base.many,
    }


def _told_scene(scene: Scene, places: dict[int, int], vectors: _Vectors) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(scene, name) for name in (*TEXTS, "cursor", "next_cursor")}
    told |= {name: [_told_constraint(one) for one in getattr(scene, name)] for name in READ}
    told["sort"] = [[one.field, one.descending] for one in scene.sort]
    told["base"] = None if scene.base is None else places[id(scene.base)]
    asked = scene.asked
    told["asked"] = None if asked is None else {
        "text": asked.text,
        "given": _told_given(asked.given, vectors),
        "filter": None if asked.filter is None else filter_json(asked.filter),
        "sort": [[one.field, one.descending] for one in asked.sort],
        "understand": asked.understand,
        "drop": asked.drop,
    }  # fmt: skip
    return told


def _told_given(given: Sequence[Given], vectors: _Vectors) -> list[Any]:
    return [[one.signal, vectors.put(one.vector), one.weight] for one in given]


def _told_constraint(one: Constraint) -> list[Any]:
    return [one.id, one.field, filter_json(one.filter), one.said, one.label, one.strict]


def _session(told: dict[str, Any], session_id: str) -> Session:
    """What `_told` says. Whatever does not fit raises one of the errors that `load` catches."""
    if told["format"] != FORMAT:
        raise ValueError(told["format"])
    vectors = [np.frombuffer(base64.b64decode(one), np.float32) for one in told["vectors"]]
    bases = [
        Base(
            one["kind"],
            _given(one["given"], vectors),
            tuple(vectors[place] for place in one["shown"]),
            one["words"],
            tuple(one["item_ids"]),
            one["many"],
        )
        for one in told["bases"]
    ]
    scenes = [_scene(one, bases, vectors) for one in told["scenes"]]
    session = Session(session_id, told["user_id"], 0.0, told["turn"], scenes or [Scene()])
    session.about, session.language, session.asked = tuple(told["about"]), told["language"], set(told["asked"])
    session.measure()
    return session


def _scene(told: dict[str, Any], bases: Sequence[Base], vectors: Sequence[Vector]) -> Scene:
    asked = told["asked"]
    return Scene(
        **{name: tuple(told[name]) for name in TEXTS},
        wishes=_constraints(told["wishes"]),
        understood=_constraints(told["understood"]),
        holding=_constraints(told["holding"]),
        base=None if told["base"] is None else bases[told["base"]],
        sort=_sort(told["sort"]),
        cursor=told["cursor"],
        next_cursor=told["next_cursor"],
        asked=None
        if asked is None
        else Ask(
            text=asked["text"],
            given=_given(asked["given"], vectors),
            filter=_filter(asked["filter"]),
            sort=_sort(asked["sort"]),
            understand=asked["understand"],
            drop=tuple(asked["drop"]),
        ),
    )


def _given(told: Sequence[Sequence[Any]], vectors: Sequence[Vector]) -> tuple[Given, ...]:
    return tuple(Given(signal, vectors[place], weight) for signal, place, weight in told)


def _sort(told: Sequence[Sequence[Any]]) -> tuple[Sort, ...]:
    return tuple(Sort(field, descending) for field, descending in told)


def _filter(told: Any) -> Filter | None:
    return None if told is None else parse_filter(told)


def _constraints(told: Sequence[Sequence[Any]]) -> tuple[Constraint, ...]:
    return tuple(
        Constraint(name, field, parse_filter(wanted), said, label, strict)
        for name, field, wanted, said, label, strict in told
    )

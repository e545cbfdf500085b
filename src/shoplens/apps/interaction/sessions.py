"""Conversations that go on: a bounded number of them, each bounded, each forgotten when nobody goes on with it."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from shoplens.apps.interaction.scene import Scene
from shoplens.errors import ServiceUnavailableError

IDLE = 30 * 60.0  # seconds after which a conversation is forgotten
MOST_SESSIONS = 10_000
MOST_BYTES = 256 << 20  # of all conversations; the ones that rested longest go first
MOST_SCENES = 20  # steps that can be taken back
SESSION_BYTES = 1 << 20  # of one conversation; its oldest scenes go first
PATIENCE = 20.0  # seconds that a turn waits for the one before it in the same conversation


@dataclass(slots=True)
class Session:
    """One conversation. Only its holder (`Sessions.hold`) reads and writes it."""

    session_id: str
    user_id: str | None
    used: float
    turn: int = 0
    scenes: list[Scene] = field(default_factory=lambda: [Scene()])  # the last one is now
    about: tuple[str, ...] = ()  # products that were referred to last
    language: str = "en"
    asked: set[str] = field(default_factory=set)  # fields that were asked about
    size: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def scene(self) -> Scene:
        """What the conversation is about now."""
        return self.scenes[-1]

    def go_on(self, scene: Scene) -> None:
        """A new scene, which one step back leaves again."""
        self.scenes.append(scene)
        self.measure()
        while len(self.scenes) > 2 and (len(self.scenes) > MOST_SCENES or self.size > SESSION_BYTES):
            del self.scenes[0]
            self.measure()

    def forget(self) -> None:
        """Begin anew under the same id."""
        self.scenes = [Scene()]
        self.about = ()
        self.asked.clear()
        self.measure()

    def become(self, kept: Session | None, user_id: str | None) -> None:
        """What it is elsewhere by now; another person's conversation is none."""
        if kept is None or (kept.user_id is not None and kept.user_id != user_id):
            kept = Session(self.session_id, user_id, self.used)
        self.turn, self.scenes, self.about = kept.turn, kept.scenes, kept.about
        self.language, self.asked = kept.language, kept.asked
        self.measure()

    def measure(self) -> None:
        """Set `size`."""
        bases = {id(scene.base): scene.base for scene in self.scenes if scene.base is not None}
        self.size = 1_024 + sum(scene.size for scene in self.scenes) + sum(base.size for base in bases.values())


class Keeper(Protocol):
    """Where the conversations of several processes are (`keeping.FolderKeeper`)."""

    def load(self, session_id: str) -> Session | None:
        """The conversation of that id, if it still goes on."""
        ...

    def save(self, session: Session) -> None:
        """After each turn."""
        ...

    def forget(self, session_id: str) -> bool:
        """Drop one conversation. False when there was none."""
        ...

    def forget_person(self, user_id: str) -> int:
        """Drop the conversations of a person. Returns how many there were."""
        ...


class Sessions:
    """The conversations of one process, or with a `keeper` of several. Safe to share between threads."""

    def __init__(
        self,
        *,
        idle: float = IDLE,
        most: int = MOST_SESSIONS,
        most_bytes: int = MOST_BYTES,
        keeper: Keeper | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle, self._most, self._most_bytes = idle, most, most_bytes
        self._clock, self._keeper = clock, keeper
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()  # longest at rest first
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        with self._lock:
            self._expire()
            return len(self._sessions)

    @property
    def bytes(self) -> int:
        """Held by all conversations, about."""
        return self._bytes

    @contextmanager
    def hold(self, session_id: str | None, user_id: str | None) -> Iterator[Session]:
        """The conversation of that id, a new one if there is none or it is another person's; nobody else's meanwhile.

        ServiceUnavailableError when the turn before takes too long.
        """
        session = self._open(session_id, user_id)
        if not session.lock.acquire(timeout=PATIENCE):
            raise ServiceUnavailableError("the turn before this one is still being answered; send it again in a moment")
        try:
            if self._keeper is not None:
                session.become(self._keeper.load(session.session_id), user_id)
            yield session
            if self._keeper is not None:
                self._keeper.save(session)
        finally:
            session.lock.release()
            self._close(session)

    def forget(self, session_id: str) -> bool:
        """Drop one conversation. False when there was none."""
        with self._lock:
            held = session_id in self._sessions
            if held:
                self._drop(session_id)
        return (self._keeper.forget(session_id) if self._keeper is not None else False) or held

    def forget_person(self, user_id: str) -> int:
        """Drop the conversations of a person. Returns how many there were."""
        with self._lock:
            gone = [name for name, session in self._sessions.items() if session.user_id == user_id]
            for name in gone:
                self._drop(name)
        return max(len(gone), self._keeper.forget_person(user_id) if self._keeper is not None else 0)

    def forget_guest(self, session_id: str) -> bool:
        """Drop one conversation from memory, unless it is somebody's. False when there was none."""
        with self._lock:
            held = self._sessions.get(session_id)
            if held is None or held.user_id is not None:
                return False
            self._drop(session_id)
            return True

    def forget_everybody(self) -> None:
        """Drop from memory what a keeper holds: turns that come go on from there. A turn that is under way
        keeps its own."""
        if self._keeper is None:
            return
        with self._lock:
            for name in [name for name, session in self._sessions.items() if not session.lock.locked()]:
                self._drop(name)

    def _open(self, session_id: str | None, user_id: str | None) -> Session:
        with self._lock:
            self._expire()
            name = session_id or secrets.token_hex(16)
            session = self._sessions.get(name)
            if session is None or (session.user_id is not None and session.user_id != user_id):
                session = self._sessions[name] = Session(name, user_id, self._clock())
            session.user_id = user_id if user_id is not None else session.user_id
            session.used = self._clock()
            self._sessions.move_to_end(name)
            self._weigh(session)
            return session

    def _close(self, session: Session) -> None:
        with self._lock:
            if self._sessions.get(session.session_id) is session:
                session.used = self._clock()
                self._weigh(session)

    def _weigh(self, session: Session) -> None:
        self._bytes += session.size - self._sizes.get(session.session_id, 0)
        self._sizes[session.session_id] = session.size
        while len(self._sessions) > self._most or (self._bytes > self._most_bytes and len(self._sessions) > 1):
            self._drop(next(iter(self._sessions)))

    def _expire(self) -> None:
        now = self._clock()
        while self._sessions:
            name, session = next(iter(self._sessions.items()))
            if now - session.used <= self._idle:
                break
            self._drop(name)

    def _drop(self, name: str) -> None:
        del self._sessions[name]
        self._bytes -= self._sizes.pop(name, 0)

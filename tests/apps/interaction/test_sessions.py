from __future__ import annotations

import threading

import numpy as np
import pytest

from shoplens.apps.interaction import sessions as sessions_file
from shoplens.apps.interaction.scene import MOST_PASSED, Base, Scene
from shoplens.apps.interaction.sessions import MOST_SCENES, SESSION_BYTES, Sessions
from shoplens.errors import ServiceUnavailableError
from shoplens.retrieval.asked import Given


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def start(sessions: Sessions, name: str | None = None, user: str | None = None, scene: Scene | None = None) -> str:
    with sessions.hold(name, user) as session:
        session.turn += 1
        if scene is not None:
            session.go_on(scene)
        return session.session_id


def turns(sessions: Sessions, name: str, user: str | None = None) -> int:
    with sessions.hold(name, user) as session:
        return session.turn


def test_a_conversation_goes_on_under_its_id() -> None:
    sessions = Sessions()
    name = start(sessions)
    assert turns(sessions, name) == 1
    assert start(sessions) != name


def test_it_is_forgotten_when_nobody_goes_on() -> None:
    clock = Clock()
    sessions = Sessions(idle=60, clock=clock)
    name = start(sessions)
    clock.now = 59
    assert turns(sessions, name) == 1
    clock.now = 59 + 61
    assert len(sessions) == 0
    assert turns(sessions, name) == 0
    assert sessions.bytes < 2_000


def test_the_longest_at_rest_makes_room() -> None:
    sessions = Sessions(most=2)
    for name in "abc":
        start(sessions, name)
    assert len(sessions) == 2
    assert turns(sessions, "c") == 1
    assert turns(sessions, "a") == 0


def test_bytes_are_bounded() -> None:
    sessions = Sessions(most_bytes=100_000)
    for number in range(50):
        base = Base("photo", (Given("image", np.zeros(2_000, np.float32)),))
        start(sessions, f"s{number}", scene=Scene(base=base))
    assert sessions.bytes <= 100_000
    assert 1 <= len(sessions) < 50


def test_steps_of_one_conversation_are_bounded() -> None:
    sessions = Sessions()
    with sessions.hold("s", None) as session:
        for number in range(3 * MOST_SCENES):
            session.go_on(Scene(lines=(str(number),)))
        assert len(session.scenes) == MOST_SCENES
        assert session.scene.lines == (str(3 * MOST_SCENES - 1),)
        for number in range(10):
            base = Base("photo", (Given("image", np.zeros(100_000, np.float32)),))
            session.go_on(Scene(lines=(str(number),), base=base))
        assert session.size <= SESSION_BYTES
        assert session.scene.lines == ("9",)
        many = session.scene.turned_down(str(number) for number in range(10_000))
        assert len(many.passed) == MOST_PASSED


def test_scenes_that_share_a_photo_count_it_once() -> None:
    sessions = Sessions()
    base = Base("photo", (Given("image", np.zeros(10_000, np.float32)),))
    with sessions.hold("s", None) as session:
        for number in range(10):
            session.go_on(Scene(lines=(str(number),), base=base))
        assert 40_000 < session.size < 60_000


def test_another_persons_conversation_is_not_told() -> None:
    sessions = Sessions()
    start(sessions, "s", "u1")
    assert turns(sessions, "s", "u1") == 1
    assert turns(sessions, "s", "u2") == 0
    start(sessions, "t")
    assert turns(sessions, "t", "u1") == 1  # a guest who logs in goes on
    assert turns(sessions, "t") == 0


def test_a_person_can_be_forgotten() -> None:
    sessions = Sessions()
    for name, user in (("a", "u1"), ("b", "u1"), ("c", "u2")):
        start(sessions, name, user)
    assert sessions.forget_person("u1") == 2
    assert len(sessions) == 1


def test_turns_of_one_conversation_wait_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_file, "PATIENCE", 0.05)
    sessions = Sessions()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with sessions.hold("s", None):
            held.set()
            done.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    with pytest.raises(ServiceUnavailableError, match="still being answered"), sessions.hold("s", None):
        pass
    assert start(sessions, "other")  # nobody else waits
    done.set()
    thread.join()
    assert turns(sessions, "s") == 0

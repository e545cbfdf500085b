"""Conversations that go on in another process."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.apps.interaction.small_shop import Shop
from tests.apps.interaction.test_conversation import EFFECTS, shown
from tests.apps.interaction.test_interaction_media import NamedMedia, compose, photo

from shoplens.apps.interaction import Interaction, Reply, Turn
from shoplens.apps.interaction.keeping import SUFFIX, FolderKeeper
from shoplens.apps.interaction.sessions import Sessions


def process(shop: Shop, folder: Path) -> Interaction:
    """As another process would open it."""
    return shop.talk(media=NamedMedia(), composer=compose, sessions=Sessions(keeper=FolderKeeper(folder)))


SAYS = st.lists(st.sampled_from([text for said, _ in EFFECTS for text in said]), min_size=1, max_size=8)


@given(SAYS, st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_turns_may_come_to_any_process(tmp_path: Path, texts: list[str], pictured: bool) -> None:
    shop = Shop()
    alone = shop.talk(media=NamedMedia(), composer=compose)
    here: Reply | None = None
    there: Reply | None = None
    for number, text in enumerate(texts):
        photos = photo("Shoes Blue") if pictured and number == 0 else ()
        here = alone.turn(Turn(session_id=here.session_id if here else None, text=text, photos=photos, n=4))
        there = process(shop, tmp_path).turn(
            Turn(session_id=there.session_id if there else None, text=text, photos=photos, n=4)
        )
        assert (shown(there), there.said, there.turn, there.about) == (shown(here), here.said, here.turn, here.about)
        assert {one.id for one in there.understood} == {one.id for one in here.understood}
        assert (there.question is None) == (here.question is None)


def test_they_end_when_nobody_goes_on(tmp_path: Path) -> None:
    now = 1e9
    keeper = FolderKeeper(tmp_path, idle=60, most=2, clock=lambda: now)
    sessions = Sessions(keeper=keeper)
    for name in "abc":
        with sessions.hold(name, None) as session:
            session.turn += 1
        now += 1
    assert keeper.load("a") is not None
    keeper.prune()
    assert (keeper.load("a"), len(list(tmp_path.iterdir()))) == (None, 2)  # the longest at rest made room
    now += 61
    assert keeper.load("c") is None
    keeper.prune()
    assert list(tmp_path.iterdir()) == []
    with sessions.hold("c", None) as session:
        assert session.turn == 0


def test_another_persons_is_not_told(tmp_path: Path) -> None:
    shop = Shop()
    process(shop, tmp_path).turn(Turn(session_id="s", user_id="u1", text="red dress"))
    assert process(shop, tmp_path).turn(Turn(session_id="s", user_id="u2", text="back")).turn == 1


def test_a_person_can_be_forgotten(tmp_path: Path) -> None:
    shop = Shop()
    process(shop, tmp_path).turn(Turn(session_id="s", user_id="u1", text="red dress"))
    process(shop, tmp_path).turn(Turn(session_id="t", user_id="u2", text="red dress"))
    assert process(shop, tmp_path).sessions.forget_person("u1") == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}', b'{"format": 1}', bytes(range(100, 200))])
def test_a_damaged_file_is_no_conversation(tmp_path: Path, content: bytes) -> None:
    keeper = FolderKeeper(tmp_path)
    with Sessions(keeper=keeper).hold("s", None) as session:
        session.turn += 1
    (file,) = tmp_path.glob(f"*{SUFFIX}")
    file.write_bytes(content)
    assert keeper.load("s") is None
    assert keeper.forget_person("u") == 0

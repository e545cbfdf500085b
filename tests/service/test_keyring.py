"""API keys: made, compared, revoked; nothing of them is in the file but hashes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoplens.errors import ConflictError, InputError, NotFoundError, StoreError
from shoplens.service.keyring import FILE, Keyring


def test_a_key_opens_until_it_is_revoked(tmp_path: Path) -> None:
    here, there = Keyring(tmp_path), Keyring(tmp_path)
    assert not Keyring(tmp_path / "other").begun
    key = here.create("storefront", "write", per_minute=60)
    assert there.find(key) is None
    assert there.follow()
    assert there.known(key) is None
    found = there.find(key)
    assert found is not None
    assert (found.name, found.role, found.per_minute) == ("storefront", "write", 60)
    assert there.known(key) == found
    with pytest.raises(ConflictError):
        there.create("storefront", "read")
    there.revoke("storefront")
    assert there.find(key) is there.known(key) is None
    here.follow()
    assert here.find(key) is None
    assert Keyring(tmp_path).begun
    with pytest.raises(NotFoundError):
        here.revoke("storefront")


def test_the_file_is_the_owners_and_holds_no_secret(tmp_path: Path) -> None:
    ring = Keyring(tmp_path)
    keys = [ring.create(name, "read") for name in ("a", "b")]
    assert len(set(keys)) == 2
    file = tmp_path / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert not any(key.rsplit("_", 1)[1] in text or key[12:] in text for key in keys)
    assert text.count("$argon2id$") == 2
    assert [one.name for one in Keyring(tmp_path).listed()] == ["a", "b"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=80))
def test_nothing_else_is_a_key(tmp_path: Path, text: str) -> None:
    assert Keyring(tmp_path).find(text) is None


def test_nearly_right_is_wrong(tmp_path: Path) -> None:
    ring = Keyring(tmp_path)
    key = ring.create("a", "admin")
    other = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert ring.find(other) is None
    assert ring.find(key + "A") is None
    assert ring.find(key[:-1]) is None


@pytest.mark.parametrize(("name", "role", "per_minute"), [("a", "root", None), ("a b", "read", None), ("a", "read", 0)])
def test_what_makes_no_sense_is_refused(tmp_path: Path, name: str, role: str, per_minute: int | None) -> None:
    with pytest.raises(InputError):
        Keyring(tmp_path).create(name, role, per_minute=per_minute)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 2, "keys": []}', '{"format": 1, "keys": [{"name": "a"}]}']
)
def test_a_damaged_file_opens_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(StoreError, match=r"cannot be read|format 2"):
        Keyring(tmp_path)


def test_scopes_are_kept_and_older_keys_reach_everything(tmp_path: Path) -> None:
    ring = Keyring(tmp_path)
    ring.create("all", "write")
    assert "scopes" not in (tmp_path / FILE).read_text(), "an older Shoplens reads what it knows"
    key = ring.create("storefront", "write", scopes={"shop", "events"})
    found = Keyring(tmp_path).find(key)
    assert found is not None
    assert str(found.grant) == "write:events,shop"
    assert {one.name: one.grant.scopes for one in Keyring(tmp_path).listed()}["all"] is None
    with pytest.raises(InputError, match="not a scope"):
        ring.create("x", "read", scopes=["root"])
    with pytest.raises(InputError, match="allows nothing"):
        ring.create("x", "read", scopes=[])

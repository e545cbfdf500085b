"""A shop into one file while it is served, out of it again, and files that mean harm."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from shoplens.domain.events import Event, EventType
from shoplens.errors import ConflictError, FormatError, InputError, ShoplensError, UnsafeInputError
from shoplens.recommend.rules import Wish
from shoplens.service.archive import ArchiveWriter, packed_lines
from shoplens.service.backup import back_up, check, restore
from shoplens.service.keyring import Keyring
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.testing.served_shop import open_tiny_shop

SECRETS = """
database_url = "sqlite:///{file}"
[server]
port = 8123
[server.api_keys]
"plain-secret-key" = "admin"
[encoders]
text = "hashed-ngrams"
[encoders.endpoint]
url = "https://example.com/v1"
api_key = "endpoint-secret"
"""


@pytest.fixture
def served(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    open_tiny_shop(root).close()
    (root / "shoplens.toml").write_text(SECRETS.replace("{file}", str(root / "shop.sqlite")))
    (root / "synonyms.txt").write_text("sofa, couch\n")
    (root / "media").mkdir()
    (root / "media" / "a.jpg").write_bytes(b"a photo")
    Keyring(root).create("storefront", "read")
    return root


def test_there_and_back(served: Path, tmp_path: Path) -> None:
    file = tmp_path / "shop.tar"
    made = back_up(Workspace.open(served), file)
    assert file.stat().st_mode & 0o077 == 0, "nobody else may read it"
    assert check(file) == made
    with tarfile.open(file) as tar:
        whole = b"".join(content.read() for one in tar if (content := tar.extractfile(one)) is not None)
    for secret in (b"plain-secret-key", b"endpoint-secret"):
        assert secret not in whole
    again = restore(file, tmp_path / "again")
    assert again.rows == made.rows
    workspace = Workspace.open(tmp_path / "again")
    assert workspace.settings.server.port == 8123
    assert workspace.settings.encoders.endpoint.api_key is None
    assert [key.name for key in Keyring(workspace.root).listed()] == ["storefront"]
    assert (workspace.root / "media" / "a.jpg").read_bytes() == b"a photo"
    assert (workspace.root / "synonyms.txt").exists()
    assert not list(tmp_path.glob(".*")), "nothing is left behind"
    with Runtime.open(served) as before, Runtime.open(workspace.root) as after:
        assert after.shelf.version == before.shelf.version is not None
        shown = [shop.home.recommend(shop.shelf, Wish(n=10), "u001").answer.items for shop in (before, after)]
        assert shown[0] == shown[1]


def test_while_events_come_in(served: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    with Runtime.open(served) as shop:
        first = shop.store.events.count()

        def write() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                event = Event(event_type=EventType.VIEW, timestamp=number, user_id=f"n{number}", item_id=f"i{number}")
                shop.append_events([event])

        writing = threading.Thread(target=write)
        writing.start()
        made = [back_up(shop.workspace, tmp_path / f"{k}.tar", without=["features", "bundles"]) for k in range(3)]
        stop.set()
        writing.join()
    assert first <= made[0].rows["event"] < made[1].rows["event"] < made[2].rows["event"]
    again = restore(tmp_path / "1.tar", tmp_path / "again")
    with Runtime.open(tmp_path / "again") as shop:
        assert shop.store.events.count() == again.rows["event"] == made[1].rows["event"]
        assert shop.store.people.count() == again.rows["person"]
        assert shop.shelf.version is None


def test_refused_before_anything_is_written(served: Path, tmp_path: Path) -> None:
    workspace, file = Workspace.open(served), tmp_path / "shop.tar"
    with pytest.raises(InputError, match="bundles"):
        back_up(workspace, file, without=["everything"])
    assert not file.exists()
    back_up(workspace, file)
    with pytest.raises(ConflictError, match="already"):
        back_up(workspace, file)
    with pytest.raises(ConflictError, match="not an empty folder"):
        restore(file, served)
    with pytest.raises(InputError, match="no file"):
        restore(tmp_path / "nothing.tar", tmp_path / "new")


def test_damage_is_noticed(served: Path, tmp_path: Path) -> None:
    file = tmp_path / "shop.tar"
    back_up(Workspace.open(served), file)
    whole = file.read_bytes()
    at = whole.index(b"a photo")
    for name, bad in {
        "flipped": whole[:at] + b"A" + whole[at + 1 :],
        "cut": whole[: len(whole) // 2],
        "short": whole[:-20_000],
        "empty": b"",
        "text": b"this is no archive" * 100,
        "doubled": whole + whole,
    }.items():
        broken = tmp_path / f"{name}.tar"
        broken.write_bytes(bad)
        if name == "doubled":  # a tar ends at its end mark
            assert check(broken).files
            continue
        with pytest.raises(FormatError):
            restore(broken, tmp_path / "new")
        assert not (tmp_path / "new").exists()


def write_tar(file: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    with tarfile.open(file, "w") as tar:
        for info, body in members:
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))


def link(name: str, kind: bytes, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "info",
    [
        tarfile.TarInfo("../outside"),
        tarfile.TarInfo("media/../../outside"),
        tarfile.TarInfo("/etc/outside"),
        tarfile.TarInfo("media/./a"),
        tarfile.TarInfo("media//a"),
        tarfile.TarInfo("media\\..\\a"),
        tarfile.TarInfo("media/a\nb"),
        tarfile.TarInfo("shoplens.toml"),
        tarfile.TarInfo("elsewhere/a"),
        link("media/a", tarfile.SYMTYPE, "/etc/passwd"),
        link("media/a", tarfile.LNKTYPE, "settings/shoplens.toml"),
        link("media/a", tarfile.FIFOTYPE, ""),
        link("media/a", tarfile.CHRTYPE, ""),
        link("media", tarfile.DIRTYPE, ""),
        link("media/a", tarfile.GNUTYPE_SPARSE, ""),
    ],
)
def test_archives_that_mean_harm(tmp_path: Path, info: tarfile.TarInfo) -> None:
    file = tmp_path / "bad.tar"
    write_tar(file, [(info, b"")])
    with pytest.raises(ShoplensError):
        restore(file, tmp_path / "new")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bad.tar"]


def test_a_member_that_comes_twice(tmp_path: Path) -> None:
    file = tmp_path / "bad.tar"
    write_tar(file, [(tarfile.TarInfo("media/a"), b"1"), (tarfile.TarInfo("media/a"), b"2")])
    with pytest.raises(UnsafeInputError, match="twice"):
        restore(file, tmp_path / "new")


def test_a_table_that_unpacks_to_very_much(tmp_path: Path) -> None:
    bomb = tmp_path / "counter.jsonl.gz"
    packed_lines(bomb, [b'["name","value"]\n', *(b'["%s%d",1]\n' % (b" " * 1_000_000, k) for k in range(40))])
    assert bomb.stat().st_size < 300_000
    file = written(tmp_path, lambda archive: archive.add("database/counter.jsonl.gz", bomb))
    with pytest.raises(UnsafeInputError, match="unpacks to more"):
        restore(file, tmp_path / "new")


@pytest.mark.parametrize(
    "change",
    [
        {"tables": []},
        {"tables": ["counter", "../person"]},
        {"rows": None},
        {"last_rows": {"person": "1; DROP TABLE person"}},
        {"revision": None},
    ],
)
def test_manifests_that_do_not_fit(tmp_path: Path, change: dict[str, Any]) -> None:
    table = tmp_path / "counter.jsonl.gz"
    packed_lines(table, [b'["name","value"]\n'])
    file = written(tmp_path, lambda archive: archive.add("database/counter.jsonl.gz", table), **change)
    with pytest.raises(ShoplensError):
        restore(file, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def written(folder: Path, add: Callable[[ArchiveWriter], object], **change: Any) -> Path:
    """A backup with one table, otherwise as it should be."""
    file = folder / "made.tar"
    archive = ArchiveWriter(file)
    add(archive)
    archive.add_bytes("settings/shoplens.toml", b"")
    about = {"created": 1, "shoplens": "1", "revision": "0001", "tables": ["counter"], "files": 1}
    archive.close({**about, "rows": {"counter": 0}, "last_rows": {}, **change})
    assert orjson.loads(orjson.dumps(about))
    return file

import os
import shutil
from pathlib import Path

import numpy as np
import orjson
import pytest

from shoplens.domain.dataset import Histories
from shoplens.errors import BundleError, NotFoundError
from shoplens.service.bundle import MANIFEST, open_bundle, verify_bundle, write_bundle
from shoplens.service.bundle_pointer import current_version, list_bundles, promote, prunable, prune, rollback
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.served_shop import train_tiny_shop
from shoplens.testing.tiny_shop import tiny_shop


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace.create(tmp_path_factory.mktemp("made"))
    store = open_store(workspace.database_url)
    tiny_shop().fill(store)
    train_tiny_shop(store, workspace.bundles)
    train_tiny_shop(store, workspace.bundles, content=False)
    store.close()
    return workspace.bundles


@pytest.fixture
def bundles(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "bundles"))


def newest(bundles: Path) -> Path:
    return bundles / list_bundles(bundles)[0].version


def with_content(bundles: Path) -> Path:
    return bundles / list_bundles(bundles)[1].version


def test_a_bundle_comes_back_as_it_was_written(bundles: Path) -> None:
    learned = open_bundle(with_content(bundles))
    assert len(learned.items) == 80
    assert set(learned.models) == {"popularity", "item-knn"}
    assert learned.shipped == "item-knn"
    assert learned.vectors is not None
    assert np.allclose(np.linalg.norm(learned.vectors, axis=1), 1, atol=1e-5)
    assert learned.content is not None
    assert learned.content.encoders == {"text": "tiny-1"}
    one = Histories.of_one(np.array([1], np.int32), np.ones(1, np.float32), np.zeros(1, np.float32))
    assert np.isfinite(learned.model.score(one)).all()
    assert sorted(learned.profile_rows().values()) == list(range(60))
    assert open_bundle(newest(bundles)).vectors is None  # no content: similar falls back to behaviour


def test_a_flipped_bit_a_missing_a_surplus_file(bundles: Path) -> None:
    folder = with_content(bundles)
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        raw = path.read_bytes()
        if not raw:
            continue
        path.write_bytes(raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 1]) + raw[len(raw) // 2 + 1 :])
        with pytest.raises(BundleError, match=r"damaged|altered|cannot be read|not a bundle|renamed|format"):
            verify_bundle(folder)
        path.unlink()
        with pytest.raises(BundleError, match=r"missing|not a bundle"):
            verify_bundle(folder)
        path.write_bytes(raw)
    (folder / "models" / "extra.pkl").write_bytes(b"x")
    with pytest.raises(BundleError, match="does not belong"):
        verify_bundle(folder)


def rewrite(folder: Path, **changes: object) -> None:
    """As an attacker would: a manifest with a digest that fits."""
    from shoplens.service.bundle import _digest

    manifest = orjson.loads((folder / MANIFEST).read_bytes()) | changes
    manifest["digest"] = _digest(manifest)
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest))


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "models/../../x", "a\\..\\b"])
def test_paths_outside_are_refused(bundles: Path, name: str) -> None:
    folder = newest(bundles)
    files = orjson.loads((folder / MANIFEST).read_bytes())["files"]
    rewrite(folder, files={**files, name: {"sha256": "0", "bytes": 1}})
    with pytest.raises(BundleError, match="outside the bundle"):
        verify_bundle(folder)


def test_links_other_formats_other_classes_other_names(bundles: Path) -> None:
    folder = newest(bundles)
    rewrite(folder, models={"item-knn": "os:system"}, shipped="item-knn")
    assert open_bundle(folder).shipped == "item-knn"  # the name leads to the registry's class, never to os
    rewrite(folder, models={"mine": "os:system"}, shipped="mine")
    with pytest.raises(BundleError, match="mine"):
        open_bundle(folder)
    rewrite(folder, models={"../x": "os:system"}, shipped="../x")
    with pytest.raises(BundleError, match="folder"):
        open_bundle(folder)
    rewrite(folder, models={"a": "@b/c"}, shipped="a")
    with pytest.raises(BundleError, match="inside"):
        open_bundle(folder)
    rewrite(folder, format=99)
    with pytest.raises(BundleError, match="format 99"):
        verify_bundle(folder)
    moved = folder.rename(bundles / "renamed")
    rewrite(moved, format=1)
    with pytest.raises(BundleError, match="renamed"):
        verify_bundle(moved)
    os.symlink("/etc/passwd", moved / "models" / "link")
    rewrite(moved, version="renamed")
    with pytest.raises(BundleError, match="link"):
        verify_bundle(moved)


def test_members_of_a_blend_are_kept_once(made: Path, tmp_path: Path) -> None:
    from shoplens.models.blend import Blend

    learned = open_bundle(newest(made))
    blend = Blend(learned.models, {"popularity": 0.5, "item-knn": 1.0})
    folder = write_bundle(tmp_path, items=learned.items, models={**learned.models, "blend": blend}, shipped="blend")
    assert [one.name for one in (folder / "models").iterdir()] == ["blend"]
    again = open_bundle(folder)
    assert list(again.models) == ["popularity", "item-knn", "blend"]
    assert isinstance(again.model, Blend)
    assert again.model.models["item-knn"] is again.models["item-knn"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    from shoplens.domain.vocabulary import Vocabulary
    from shoplens.models.popularity import Popularity

    class Broken(Popularity):
        def save(self, folder: Path) -> None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_bundle(tmp_path, items=Vocabulary(["a"]), models={"popularity": Broken()}, shipped="popularity")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BundleError, match="not among"):
        write_bundle(tmp_path, items=Vocabulary(["a"]), models={"popularity": Popularity()}, shipped="blend")


def test_the_pointer_moves_and_returns(bundles: Path) -> None:
    second, first = (entry.version for entry in list_bundles(bundles))
    assert current_version(bundles) == second
    assert rollback(bundles, second) == first
    assert [entry.current for entry in list_bundles(bundles)] == [False, True]
    with pytest.raises(BundleError, match="not the bundle that answers"):
        rollback(bundles, second)
    with pytest.raises(BundleError, match="no earlier"):
        rollback(bundles)
    assert promote(bundles, second) == first
    for bad in ("", "..", "../x", ".building-1", "none"):
        with pytest.raises(NotFoundError):
            promote(bundles, bad)
    (bundles / first / "items.json").write_bytes(b"[]")
    with pytest.raises(BundleError, match="damaged"):
        promote(bundles, first)
    assert current_version(bundles) == second


def test_a_broken_bundle_is_listed_with_its_problem(bundles: Path) -> None:
    (newest(bundles) / MANIFEST).unlink()
    assert "no manifest.json" in (list_bundles(bundles)[0].problem or "")


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven bundles; the last but one answers, the third and fifth did before, in this order."""
    workspace = Workspace.create(tmp_path_factory.mktemp("seven"))
    store = open_store(workspace.database_url)
    tiny_shop().fill(store)
    for _ in range(7):
        train_tiny_shop(store, workspace.bundles, content=False)
    store.close()
    names = versions(workspace.bundles)
    (workspace.bundles / "current").unlink()
    for number in (2, 4, 5):
        promote(workspace.bundles, names[number])
    return workspace.bundles


def versions(bundles: Path) -> list[str]:
    return sorted(folder.name for folder in bundles.glob("2*"))


@pytest.mark.parametrize(
    ("keep", "spared", "gone"), [(1, (), [0, 1, 2, 3, 4]), (2, (), [0, 1, 2, 3]), (3, (1,), [0, 3]), (9, (), [0, 1, 3])]
)
def test_old_bundles_go_and_what_may_answer_stays(
    seven: Path, tmp_path: Path, keep: int, spared: tuple[int, ...], gone: list[int]
) -> None:
    bundles = Path(shutil.copytree(seven, tmp_path / "bundles"))
    names = versions(bundles)
    arms, wanted = [names[one] for one in spared], [names[one] for one in gone]
    assert prunable(bundles, keep, arms) == wanted
    (bundles / ".gone-20250101-120000-1").mkdir()  # a kill left it
    assert prune(bundles, keep, arms) == wanted
    assert prune(bundles, keep, arms) == []
    assert versions(bundles) == sorted(set(names) - set(wanted))
    assert not list(bundles.glob(".gone-*"))
    assert current_version(bundles) == names[5]
    if keep > 1:
        assert rollback(bundles) == names[4]


def test_nothing_goes_before_the_first_promotion(made: Path, tmp_path: Path) -> None:
    bundles = Path(shutil.copytree(made, tmp_path / "bundles"))
    (bundles / "current").unlink(missing_ok=True)
    assert prune(bundles, 1) == []

"""Named models of texts on disk: versions, the one that answers, and files that somebody altered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from shoplens.errors import ConfigurationError, ModelFileError, NotFoundError
from shoplens.service.text_models import KEPT, SavedTextModel, TextModels, fingerprint


@dataclass
class Note:
    """A model that is a line of text."""

    text: str

    def save(self, folder: Path) -> None:
        (folder / "parts").mkdir()
        (folder / "parts" / "note.txt").write_text(self.text, encoding="utf-8")


class Broken:
    """A model that fails while it is saved."""

    def save(self, folder: Path) -> None:
        (folder / "half").write_text("half", encoding="utf-8")
        raise OSError("disk full")


def saved(models: TextModels, name: str, text: str, kind: str = "classifier") -> SavedTextModel:
    return models.save(name, Note(text), kind=kind, labels=("a", "b"), metrics={"accuracy": 0.5}, data="d")


def test_a_saved_model_is_found_by_its_name(tmp_path: Path) -> None:
    models = TextModels.of(tmp_path)
    assert models.names() == []
    first = saved(models, "tone", "one")
    assert (first.folder / "parts" / "note.txt").read_text(encoding="utf-8") == "one"
    assert (first.kind, first.labels, first.metrics["accuracy"]) == ("classifier", ("a", "b"), 0.5)
    saved(models, "names", "two", kind="tagger")
    assert models.names() == ["names", "tone"]
    assert models.names("tagger") == ["names"]


def test_the_latest_answers_until_another_is_chosen(tmp_path: Path) -> None:
    models = TextModels(tmp_path)
    first, second = saved(models, "tone", "one"), saved(models, "tone", "two")
    assert models.open("tone") == second
    assert models.stamp("tone") == second.version
    models.switch("tone", first.version)
    assert models.open("tone") == first
    for number in range(KEPT):
        saved(models, "tone", str(number))
    assert len(models.versions("tone")) == KEPT
    assert models.open("tone").version in models.versions("tone")


def test_altered_added_and_missing_files_are_refused(tmp_path: Path) -> None:
    models = TextModels(tmp_path)
    note = saved(models, "tone", "one").folder / "parts" / "note.txt"
    note.write_text("two", encoding="utf-8")
    with pytest.raises(ModelFileError, match="altered"):
        models.open("tone")
    note.write_text("one", encoding="utf-8")
    (note.parent / "more").write_text("", encoding="utf-8")
    with pytest.raises(ModelFileError, match="parts/more"):
        models.open("tone")
    (note.parent / "more").unlink()
    models.open("tone")
    manifest = note.parents[1] / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"0.5", b"0.9"))
    with pytest.raises(ModelFileError, match="altered"):
        models.open("tone")
    assert models.all() == []


def test_links_are_refused(tmp_path: Path) -> None:
    models = TextModels(tmp_path)
    folder = saved(models, "tone", "one").folder
    (folder / "parts" / "link").symlink_to(folder / "parts" / "note.txt")
    with pytest.raises(ModelFileError, match="link"):
        models.open("tone")


def test_what_is_not_there_is_answered_with_what_is(tmp_path: Path) -> None:
    models = TextModels(tmp_path)
    with pytest.raises(NotFoundError, match="none was trained yet"):
        models.open("tone")
    saved(models, "tone", "one")
    for name in ("mood", "../tone", "", "a" * 99):
        with pytest.raises(NotFoundError, match="there are: tone"):
            models.open(name)
    for version in ("nine", "../tone", ".lock", ""):
        with pytest.raises(NotFoundError, match="no version"):
            models.open("tone", version)


def test_a_name_keeps_its_kind_and_must_be_a_name(tmp_path: Path) -> None:
    models = TextModels(tmp_path)
    saved(models, "tone", "one")
    with pytest.raises(ConfigurationError, match="is a classifier already"):
        saved(models, "tone", "two", kind="tagger")
    with pytest.raises(ConfigurationError, match="cannot be the name"):
        saved(models, "To ne", "two")


def test_a_model_that_cannot_be_saved_leaves_the_one_before(tmp_path: Path) -> None:
    models = TextModels(tmp_path)
    first = saved(models, "tone", "one")
    with pytest.raises(OSError, match="disk full"):
        models.save("tone", Broken(), kind="classifier", labels=(), metrics={}, data="")
    assert models.open("tone") == first
    assert models.versions("tone") == [first.version]
    models.remove("tone")
    with pytest.raises(NotFoundError):
        models.remove("tone")


def test_fingerprints_tell_data_apart() -> None:
    assert fingerprint([["a", "b"]]) == fingerprint([["a", "b"]])
    assert len({fingerprint(one) for one in ([["a", "b"]], [["ab"]], [["a"], ["b"]], [["b", "a"]])}) == 4

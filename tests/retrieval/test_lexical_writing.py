"""The index of words, written: replaced and deleted products, several threads and processes, kills."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shoplens.errors import InputError, StoreError
from shoplens.retrieval.lexical.document import Document
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.retrieval.lexical.view import View


def _ids(index: LexicalIndex, text: str, k: int = 10) -> list[str]:
    return index.search(index.parse(text), k).item_ids


def test_products_are_replaced_and_deleted() -> None:
    index = LexicalIndex.open()
    assert (len(index), index.revision, _ids(index, "teapot")) == (0, 0, [])
    index.apply([Document(item_id="a", title="Teapot"), Document(item_id="b", title="Cup")], [], 3)
    assert (len(index), index.revision, _ids(index, "teapot")) == (2, 3, ["a"])
    index.apply([Document(item_id="a", title="Kettle")], ["b", "never was"], 4)
    assert (len(index), index.revision) == (1, 4)
    assert (_ids(index, "teapot"), _ids(index, "cup"), _ids(index, "kettle")) == ([], [], ["a"])


def test_the_same_changes_once_more_do_no_harm_and_older_ones_are_left_alone() -> None:
    index = LexicalIndex.open()
    for _ in range(2):
        index.apply([Document(item_id="a", title="Teapot"), Document(item_id="a", title="Kettle")], [], 5)
        assert (len(index), _ids(index, "kettle"), _ids(index, "teapot")) == (1, ["a"], [])
    index.apply([Document(item_id="a", title="Teapot")], [], 4)
    assert (index.revision, _ids(index, "kettle")) == (5, ["a"])
    with pytest.raises(InputError, match="revision -1"):
        index.apply([], [], -1)


def test_an_error_while_writing_changes_nothing() -> None:
    index = LexicalIndex.open()
    index.apply([Document(item_id="a", title="Teapot")], [], 1)

    def broken() -> object:
        yield Document(item_id="b", title="Cup")
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        index.apply(broken(), ["a"], 2)  # type: ignore[arg-type]
    assert (index.revision, len(index), _ids(index, "teapot"), _ids(index, "cup")) == (1, 1, ["a"], [])
    index.apply([Document(item_id="b", title="Cup")], [], 2)
    assert len(index) == 2


def test_hostile_products_are_written() -> None:
    index = LexicalIndex.open()
    texts = [
        "\ud800 teapot",
        "a\x00b teapot",
        "teapot " * 20_000,
        "x" * 100_000 + " teapot",
        "红" * 100_000,
        "﷽" * 9_000,
    ]
    index.apply([Document(item_id=f"p{k}", title=text, description=text) for k, text in enumerate(texts)], [], 1)
    assert set(_ids(index, "teapot")) == {"p0", "p1", "p2"}
    assert _ids(index, "红") == ["p4"]


def test_threads_search_while_another_writes(tmp_path: Path) -> None:
    index = LexicalIndex.open(tmp_path)
    index.apply([Document(item_id=f"p{k}", title=f"red shoe model{k}") for k in range(200)], [], 1)
    errors: list[BaseException] = []
    done = threading.Event()

    def search() -> None:
        try:
            while not done.is_set():
                found = index.search(index.parse("always red"), 50)
                assert found.item_ids.count("always") == 1
                assert len(set(found.item_ids)) == len(found.item_ids)
        except BaseException as error:
            errors.append(error)

    index.apply([Document(item_id="always", title="always here 0")], [], 2)
    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for revision in range(3, 15):
        gone = [f"p{revision}"]
        index.apply([Document(item_id="always", title=f"always here {revision}")], gone, revision)
        assert _ids(index, f"model{revision}") == []
    done.set()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]
    assert len(index) == 201 - 12


def test_another_process_sees_what_was_written(tmp_path: Path) -> None:
    reader = LexicalIndex.open(tmp_path)
    assert not reader.refresh()
    LexicalIndex.open(tmp_path).apply([Document(item_id="a", title="Teapot")], [], 7)
    assert _ids(reader, "teapot") == []
    assert reader.refresh()
    assert not reader.refresh()
    assert (_ids(reader, "teapot"), reader.revision, len(reader)) == (["a"], 7, 1)


WRITER = """
import sys
from pathlib import Path
from shoplens.retrieval.lexical.document import Document
from shoplens.retrieval.lexical.index import LexicalIndex

folder, name, first = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
index = LexicalIndex.open(folder)
for revision in range(first, first + int(sys.argv[4])):
    # All products of one commit carry its number.
    index.apply([Document(item_id=f"{name}{k}", title=f"state{revision}") for k in range(20)], [], revision)
    print(revision, flush=True)
"""


def _writer(folder: Path, name: str, first: int, times: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), name, str(first), str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_processes_take_turns_writing(tmp_path: Path) -> None:
    writers = [_writer(tmp_path, name, 1, 5) for name in "ab"]
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    index = LexicalIndex.open(tmp_path)
    assert index.revision == 5
    last = index.search(index.parse("state5"), 100)
    assert {"a0", "b0"} & set(last.item_ids)  # who came second found the revision already there, or wrote it too
    assert len(last) % 20 == 0


def test_killed_while_writing_it_is_as_before_or_after(tmp_path: Path) -> None:
    LexicalIndex.open(tmp_path)
    revision = 0
    for attempt in range(4):
        writer = _writer(tmp_path, "p", revision + 1, 10_000)
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(2)]
        time.sleep(0.013 * attempt)
        writer.kill()
        told += [int(line) for line in writer.communicate()[0].splitlines() if line.strip()]
        index = LexicalIndex.open(tmp_path)
        revision = index.revision
        assert revision in (told[-1], told[-1] + 1)
        assert len(index) == 20
        assert index.search(index.parse(f"state{revision}"), 100, typos=False).total == 20
    index.apply([], [f"p{k}" for k in range(20)], revision + 1)
    assert len(index) == 0


def test_what_was_killed_just_before_its_commit_is_no_hindrance(tmp_path: Path) -> None:
    def written(revision: int) -> None:
        documents = [Document(item_id=f"p{k}", title=f"state{revision}") for k in range(22 - min(revision, 3))]
        LexicalIndex.open(tmp_path).apply(documents, [], revision)

    for revision in (1, 2):
        written(revision)
    (folder,) = tmp_path.iterdir()
    shutil.copytree(folder, tmp_path / "before")
    written(3)
    # As if it had been killed with everything written but the file that names what counts, and nothing tidied yet.
    for file in (tmp_path / "before").iterdir():
        if file.name == "meta.json" or not (folder / file.name).exists():
            shutil.copy(file, folder)
    written(4)
    index = LexicalIndex.open(tmp_path)
    assert len(index) == 21
    assert [index.search(index.parse(f"state{k}"), 100, typos=False).total for k in (1, 2, 4)] == [1, 1, 19]


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    LexicalIndex.open(tmp_path)
    (meta,) = tmp_path.glob("*/meta.json")
    meta.write_text("{")
    with pytest.raises(StoreError, match="Delete that folder"):
        LexicalIndex.open(tmp_path)


def test_the_vocabulary_follows_when_it_was_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.retrieval.lexical.index.AT_ONCE", 0.0)
    monkeypatch.setattr("shoplens.retrieval.lexical.index.VOCABULARY_SHARE", 1e-9)
    index = LexicalIndex.open()  # read once: the next time would be in a year
    index.apply([Document(item_id="a", title="Teapot")], [], 1)
    assert _ids(index, "teapot") == ["a"]
    assert _ids(index, "taepot") == []
    assert not index.refresh()
    index._vocabulary_due = 0.0
    assert not index.refresh()
    assert _ids(index, "taepot") == ["a"]


def test_an_index_that_others_begin_anew_is_told_from_the_one_before(tmp_path: Path) -> None:
    def row_of(item_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        return np.array([int(one) for one in item_ids], np.int64)

    index = LexicalIndex.open(tmp_path)
    index.apply([Document(item_id="1", title="red dress"), Document(item_id="2", title="red shoe")], (), 1)
    assert np.flatnonzero(index.coverage(index.parse("red"), row_of)).tolist() == [1, 2]
    assert index.folder is not None
    shutil.rmtree(index.folder)
    LexicalIndex.open(tmp_path).apply([Document(item_id="2", title="red shoe")], (), 1)
    assert index.refresh()
    assert np.flatnonzero(index.coverage(index.parse("red"), row_of)).tolist() == [2]
    index.apply([Document(item_id="3", title="red hat")], (), 2)
    assert np.flatnonzero(index.coverage(index.parse("red"), row_of)).tolist() == [2, 3]


def test_what_common_words_find_alone_is_what_everything_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.retrieval.lexical.view.COMMON_AT_LEAST", 20)
    index = LexicalIndex.open()
    sizes = [Document(item_id=f"p{n}", title=f"tea {'fine ' * (n % 4)}{n} oz") for n in range(60)]
    index.apply([*sizes, *(Document(item_id=f"r{n}", title=f"rare bar {n} oz") for n in range(3))], (), 1)
    for text in ("rare oz", "oz rare bar", "rare fine oz", "rare oz -fine", "rare oz"):
        query = index.parse(text)
        found = index.search(query, 8)
        assert (len(found.item_ids), found.exact) == (8, False), "words that many have were asked for alone"
        monkeypatch.setattr(View, "common", lambda view, plan: (frozenset(), 0.0, 0.0))
        everything = index.search(query, 8)
        monkeypatch.undo()
        monkeypatch.setattr("shoplens.retrieval.lexical.view.COMMON_AT_LEAST", 20)
        assert found.scores.tolist() == pytest.approx(everything.scores.tolist(), rel=1e-4)
        assert index.search(query, 8).item_ids == found.item_ids, "also from what was kept"
        if "-fine" in text:
            assert {int(one[1:]) % 4 for one in found.item_ids if one[0] == "p"} == {0}, "no others than those without"

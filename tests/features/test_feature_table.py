from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.errors import StoreError
from shoplens.features.table import FeatureTable, TableWriter, open_writer, table_folder


def digest(number: int) -> bytes:
    return number.to_bytes(16, "little")


def vectors(*numbers: int, size: int = 4) -> np.ndarray:
    """Row n is [n, n + .25, n + .5, …]."""
    return (np.asarray(numbers, np.float32)[:, None] + np.arange(size, dtype=np.float32) / 4).astype(np.float32)


def fill(folder: Path, **items: int) -> None:
    with TableWriter(folder, 4) as table:
        for name, number in items.items():
            if table.row_of(digest(number)) is None:
                table.append([digest(number)], vectors(number))
            table.link(name, digest(number))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    fill(tmp_path, a=1, b=2, c=1)
    table = FeatureTable(tmp_path)
    values, present = table.matrix(["b", "nobody", "a", "c", "b"])
    assert present.tolist() == [True, False, True, True, True]
    assert values.dtype == np.float32
    assert np.array_equal(values, np.concatenate([vectors(2), np.zeros((1, 4)), vectors(1, 1, 2)]))
    assert (len(table), table.rows, table.size) == (3, 2, 4)  # a and c share a row
    assert sorted(table.ids) == ["a", "b", "c"]
    assert "a" in table
    assert "nobody" not in table
    assert table.digest("a") == digest(1)
    assert table.digest("nobody") is None


def test_an_absent_table_is_empty(tmp_path: Path) -> None:
    table = FeatureTable.open(tmp_path, "text", "some-encoder", "1")
    assert len(table) == 0
    values, present = table.matrix(["a"])
    assert values.shape == (1, 0)
    assert not present.any()
    assert table.matrix([])[0].shape == (0, 0)


def test_versions_have_tables_of_their_own(tmp_path: Path) -> None:
    with open_writer(tmp_path, "text", "e", "1", 4) as table:
        table.append([digest(1)], vectors(1))
        table.link("a", digest(1))
    assert "a" in FeatureTable.open(tmp_path, "text", "e", "1")
    assert "a" not in FeatureTable.open(tmp_path, "text", "e", "2")
    assert table_folder(tmp_path, "text", "e", "../../x").parent == tmp_path / "text"


def test_replacing_and_removing(tmp_path: Path) -> None:
    fill(tmp_path, a=1, b=2)
    fill(tmp_path, a=3)
    with TableWriter(tmp_path, 4) as table:
        assert table.remove(["b", "nobody"]) == 1
    values, present = FeatureTable(tmp_path).matrix(["a", "b"])
    assert present.tolist() == [True, False]
    assert np.array_equal(values[0], vectors(3)[0])


def test_groups_and_refusals_are_kept(tmp_path: Path) -> None:
    with TableWriter(tmp_path, 4) as table:
        table.append([digest(1)], vectors(1))
        table.link("a", digest(1), group=1)
        table.link("b", digest(1), reason="one photo is damaged")
        table.refuse("c", digest(9), "no picture at all")
    table = FeatureTable(tmp_path)  # type: ignore[assignment]
    assert table.groups(["a", "b", "c", "nobody"]).tolist() == [1, 0, 0, 0]
    assert table.refusals == {"b": "one photo is damaged", "c": "no picture at all"}
    assert table.was_refused("c")
    assert "c" not in table
    assert table.digest("c") == digest(9)
    with TableWriter(tmp_path, 4) as table:
        table.link("c", digest(1))
    assert FeatureTable(tmp_path).refusals == {"b": "one photo is damaged"}


def test_nothing_uncommitted_is_seen_and_errors_commit_nothing(tmp_path: Path) -> None:
    fill(tmp_path, a=1)

    def stopped() -> None:
        with TableWriter(tmp_path, 4) as table:
            table.append([digest(2)], vectors(2))
            table.link("b", digest(2))
            assert "b" not in FeatureTable(tmp_path)
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        stopped()
    assert FeatureTable(tmp_path).ids == ["a"]
    fill(tmp_path, c=3)
    assert np.array_equal(FeatureTable(tmp_path).matrix(["a", "c"])[0], vectors(1, 3))


def test_a_half_written_tail_is_ignored_and_overwritten(tmp_path: Path) -> None:
    fill(tmp_path, a=1)
    with (tmp_path / "vectors-0.bin").open("ab") as stream:
        stream.write(b"\x07" * 25)  # one row and a half
    (tmp_path / ".index.npz.partial").write_bytes(b"half an index")
    assert FeatureTable(tmp_path).ids == ["a"]
    fill(tmp_path, b=2)
    assert np.array_equal(FeatureTable(tmp_path).matrix(["a", "b"])[0], vectors(1, 2))
    assert (tmp_path / "vectors-0.bin").stat().st_size == 2 * 16


def test_a_reader_keeps_what_it_opened(tmp_path: Path) -> None:
    fill(tmp_path, a=1, b=2)
    reader = FeatureTable(tmp_path)
    fill(tmp_path, a=5, c=3)
    with TableWriter(tmp_path, 4) as table:
        assert table.compact() == 1
    assert np.array_equal(reader.matrix(["a", "b"])[0], vectors(1, 2))
    assert "c" not in reader
    assert np.array_equal(FeatureTable(tmp_path).matrix(["a", "b", "c"])[0], vectors(5, 2, 3))


def test_compaction_drops_what_nobody_uses(tmp_path: Path) -> None:
    fill(tmp_path, **{f"p{n}": n for n in range(50)})
    with TableWriter(tmp_path, 4) as table:
        table.remove([f"p{n}" for n in range(0, 50, 2)])
        table.refuse("bad", digest(77), "no")
        assert table.compact() == 25
        assert table.compact() == 0
        table.append([digest(99)], vectors(99))
        table.link("new", digest(99))
    assert [path.name for path in tmp_path.glob("vectors-*")] == ["vectors-1.bin"]
    values, present = FeatureTable(tmp_path).matrix(["p1", "p49", "p2", "new"])
    assert np.array_equal(values, np.concatenate([vectors(1, 49), np.zeros((1, 4)), vectors(99)]))
    assert present.tolist() == [True, True, False, True]


def test_what_a_killed_compaction_left_is_swept(tmp_path: Path) -> None:
    fill(tmp_path, a=1)
    (tmp_path / "vectors-1.bin").write_bytes(b"half")
    fill(tmp_path, b=2)
    assert not (tmp_path / "vectors-1.bin").exists()
    assert np.array_equal(FeatureTable(tmp_path).matrix(["a", "b"])[0], vectors(1, 2))


def test_only_one_writer(tmp_path: Path) -> None:
    with TableWriter(tmp_path, 4), pytest.raises(StoreError, match="another process"):
        TableWriter(tmp_path, 4)
    TableWriter(tmp_path, 4).close()


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    with TableWriter(tmp_path, 4, dtype="float16") as table:
        table.append([digest(1)], vectors(1))
        table.link("a", digest(1))
    assert (tmp_path / "vectors-0.bin").stat().st_size == 8
    values, _ = FeatureTable(tmp_path).matrix(["a"])
    assert values.dtype == np.float32
    assert np.array_equal(values, vectors(1))


def test_another_width_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, a=1)
    with pytest.raises(StoreError, match="4 numbers, the encoder makes 5"):
        TableWriter(tmp_path, 5)
    TableWriter(tmp_path, 4).close()  # the refusal gave the lock back


def test_wrong_shapes_are_refused(tmp_path: Path) -> None:
    with TableWriter(tmp_path, 4) as table:
        with pytest.raises(ValueError, match="shape"):
            table.append([digest(1)], vectors(1, 2))
        with pytest.raises(ValueError, match="16 bytes"):
            table.append([b"short"], vectors(1))
        with pytest.raises(KeyError):
            table.link("a", digest(1))
    assert len(FeatureTable(tmp_path)) == 0


@pytest.mark.parametrize("damage", ["cut", "bytes", "empty"])
def test_a_damaged_index_says_what_to_do(damage: str, tmp_path: Path) -> None:
    fill(tmp_path, a=1, b=2)
    index = tmp_path / "index.npz"
    content = bytearray(index.read_bytes())
    if damage == "bytes":
        content[100:140] = bytes(40)
    index.write_bytes(content[: {"cut": len(content) // 2, "bytes": len(content), "empty": 0}[damage]])
    with pytest.raises(StoreError, match="run `shoplens embed` again"):
        FeatureTable(tmp_path)


def test_missing_or_short_data_says_what_to_do(tmp_path: Path) -> None:
    fill(tmp_path, a=1, b=2)
    data = tmp_path / "vectors-0.bin"
    data.write_bytes(data.read_bytes()[:20])
    with pytest.raises(StoreError, match="shorter than its index says"):
        FeatureTable(tmp_path)
    data.unlink()
    with pytest.raises(StoreError, match="is missing"):
        FeatureTable(tmp_path)


def test_ids_may_be_any_text(tmp_path: Path) -> None:
    names = ["", " ", "红色", "a\nb", "\u2028", "x" * 5000, "1", "01", "é", "e\u0301"]
    fill(tmp_path, **{name: number for number, name in enumerate(names)})
    values, present = FeatureTable(tmp_path).matrix(names)
    assert present.all()
    assert np.array_equal(values, vectors(*range(len(names))))


Step = tuple[str, str, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["link", "remove", "refuse", "commit", "compact", "reopen", "crash"]),
        st.sampled_from("abcdef"),
        st.integers(0, 7),
    ),
    max_size=40,
)


@given(steps)
@settings(max_examples=60, deadline=None)
def test_any_sequence_of_steps_reads_back_what_was_committed(
    tmp_path_factory: pytest.TempPathFactory, sequence: list[Step]
) -> None:
    """A plain dictionary is the model; a crash goes back to the last commit."""
    folder = tmp_path_factory.mktemp("table")
    now: dict[str, int] = {}
    committed: dict[str, int] = {}
    table = TableWriter(folder, 4)
    for action, name, number in sequence:
        if action == "link":
            if table.row_of(digest(number)) is None:
                table.append([digest(number)], vectors(number))
            table.link(name, digest(number))
            now[name] = number
        elif action == "remove":
            table.remove([name])
            now.pop(name, None)
        elif action == "refuse":
            table.refuse(name, digest(number), "no")
            now.pop(name, None)
        elif action == "commit":
            table.commit()
            committed = dict(now)
        elif action == "compact":
            table.compact()
            committed = dict(now)
        else:
            if action == "reopen":
                table.commit()
                committed = dict(now)
            table.close()
            table = TableWriter(folder, 4)
            now = dict(committed)
        seen = FeatureTable(folder)
        assert sorted(seen.ids) == sorted(committed)
        if committed:
            assert np.array_equal(seen.matrix(list(committed))[0], vectors(*committed.values()))
    table.close()

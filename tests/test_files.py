"""A file is there whole, or as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplens.files import replaced


@pytest.mark.parametrize("durable", [False, True])
def test_it_takes_the_place_at_the_end(tmp_path: Path, durable: bool) -> None:
    file = tmp_path / "new" / "file"
    with replaced(file, durable=durable) as stream:
        stream.write(b"first")
        assert not file.exists()
    assert file.read_bytes() == b"first"
    assert [one.name for one in file.parent.iterdir()] == ["file"]


def _half_written(file: Path) -> None:
    with replaced(file) as stream:
        stream.write(b"half of the sec")
        raise RuntimeError


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"first")
    with pytest.raises(RuntimeError):
        _half_written(file)
    assert file.read_bytes() == b"first"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]

"""Lines of a pipe are answered while it stays open."""

from __future__ import annotations

import io
import os
import sys

import pytest

from shoplens.cli.piped import piped_lines


def test_a_line_comes_before_the_pipe_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "r", encoding="utf-8") as pipe, os.fdopen(writing, "wb", buffering=0) as end:
        monkeypatch.setattr(sys, "stdin", pipe)
        lines = piped_lines()
        end.write("\ufeff好 😀\r\n\nhal".encode())
        assert next(lines) == ["好 😀", ""]
        end.write(b"f\nrest")
        assert next(lines) == ["half"]
        end.close()
        assert list(lines) == [["rest"]]


@pytest.mark.parametrize("size", [1, 2, 3, 8_192])
def test_characters_cut_between_two_readings_are_whole(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("shoplens.cli.piped.BYTES_AT_ONCE", size)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("北京\n😀 \xff\n".encode() + b"\xff\n")))
    assert [line for lines in piped_lines() for line in lines] == ["北京", "😀 ÿ", "\ufffd"]

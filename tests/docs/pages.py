"""Pages of docs/ that run as they stand: their commands, and the shop that their Python makes."""

from __future__ import annotations

import pkgutil
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

import shoplens.cli
from shoplens.cli.app import app

ROOT = Path(__file__).parents[2]

for command in pkgutil.walk_packages(shoplens.cli.__path__, "shoplens.cli."):  # each adds itself to `app`
    import_module(command.name)


def page(name: str) -> str:
    """The text of docs/NAME."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def lines(text: str, name: str) -> list[list[str]]:
    """Words of every command in `sh` blocks that begins so."""
    words = [shlex.split(line, comments=True) for block in blocks(text, "sh") for line in block.splitlines()]
    return [one for one in words if one and one[0] == name]


def run_json(words: list[str]) -> Any:
    """What `shoplens …` prints with --json."""
    asked = words[1:] if "--json" in words else [*words[1:], "--json"]
    result = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return orjson.loads(result.stdout)


@contextmanager
def ran(where: Path, *python: str) -> Iterator[Path]:
    """Python blocks of a page, run one by one in a folder, which stays the working one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(where)
        for block in python:
            exec(compile(block, "a page of docs", "exec"), {})
        yield where

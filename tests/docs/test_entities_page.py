"""What docs/text-models.md says of entities: its commands exist with their options, its numbers are the code's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from shoplens.cli import entities as _entities  # noqa: F401 - each registers its command
from shoplens.cli.app import app
from shoplens.cli.bench import tag as _bench  # noqa: F401
from shoplens.cli.entities import MINUTES
from shoplens.ingest.tagged import read_tagged
from shoplens.models.tagger.training import LONGEST, SENTENCES
from shoplens.models.text_body.fitting import FEWEST, MOST, STEPS
from shoplens.models.text_body.settings import FineTuning

TEXT = (Path(__file__).parents[2] / "docs" / "text-models.md").read_text(encoding="utf-8")
PAGE = TEXT[TEXT.index("## Entities") :]
COMMANDS = [
    line.split("|")[-1].split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if "shoplens" in line
]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_exist_with_their_options(line: str) -> None:
    words = shlex.split(line)[1:]
    known = get_command(app).get_command(None, words[0]).get_command(None, words[1])  # type: ignore[attr-defined]
    options = {name for one in known.params for name in one.opts}
    assert {word for word in words if word.startswith("-")} <= options
    assert CliRunner().invoke(app, [*words[:2], "--help"]).exit_code == 0


def test_the_example_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```\n(Blue.*?)```", PAGE, re.DOTALL)
    (tmp_path / "train.txt").write_text(example, encoding="utf-8")
    (sentence,) = read_tagged(tmp_path / "train.txt")
    assert sentence.labels[:4] == ("B-BRAND", "I-BRAND", "B-THING", "I-THING")


def test_numbers_are_those_of_the_code() -> None:
    words = " ".join(PAGE.split())
    assert f"about {STEPS:,} steps ({FEWEST} to {MOST} passes" in words
    assert f"or {MINUTES:.0f} minutes" in words
    assert f"Fewer than {SENTENCES} sentences" in words
    assert f"more than {LONGEST} tokens" in words
    assert f"up to {FineTuning().longest} tokens of neighbouring sentences" in words

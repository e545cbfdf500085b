"""The two READMEs agree with each other and with the command line."""

import re
from pathlib import Path

import typer

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")


def _commands() -> set[str]:
    import pkgutil
    from importlib import import_module

    import shoplens.cli
    from shoplens.cli.app import app

    for module in pkgutil.walk_packages(shoplens.cli.__path__, "shoplens.cli."):
        import_module(module.name)
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_every_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"^shoplens ([a-z]+)|`shoplens ([a-z]+)", ENGLISH, re.MULTILINE))
    assert {first or second for first, second in named} <= _commands()


def test_the_chinese_readme_is_in_step() -> None:
    """Same number of sections, same code, same figures."""
    assert len(re.findall("^## ", ENGLISH, re.MULTILINE)) == len(re.findall("^## ", CHINESE, re.MULTILINE))
    code = re.compile(r"```(?:sh|python)\n(.*?)```", re.DOTALL)
    bare = [[re.sub(r"\s*#.*", "", block) for block in code.findall(text)] for text in (ENGLISH, CHINESE)]
    assert bare[0] == bare[1]
    figures = re.compile(r"\b\d+(?:[.,]\d+)*\b")
    tables = [
        [figures.findall(line) for line in text.splitlines() if line.startswith("|")] for text in (ENGLISH, CHINESE)
    ]
    assert tables[0] == tables[1]


def test_links_lead_somewhere() -> None:
    for text in (ENGLISH, CHINESE):
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert "://" in target or (ROOT / target).exists(), target

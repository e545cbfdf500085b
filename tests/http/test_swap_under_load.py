"""A new bundle takes over while a server in another process is asked as fast as it answers."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shoplens.store.sql import open_store
from shoplens.testing.load import Measured, press, request_of
from shoplens.testing.served_shop import open_tiny_shop, train_tiny_shop

REQUESTS = [request_of("/v1/recommend", {"user_id": f"u{number:03}", "n": 10}) for number in range(60)]


async def pressed(port: int, seconds: float) -> Measured:
    return await press("127.0.0.1", port, REQUESTS, connections=4, seconds=seconds, rate=150.0)


async def swapping(port: int, folder: Path, swaps: int) -> Measured:
    """The same load while bundles are trained elsewhere and promoted."""

    def swap() -> None:
        command = "import sys; from shoplens.service.bundle_pointer import promote; from pathlib import Path; "
        command += "promote(Path(sys.argv[1]), sys.argv[2])"
        for version in sorted(one.name for one in (folder / "bundles").glob("2*"))[:swaps]:
            subprocess.run([sys.executable, "-c", command, str(folder / "bundles"), version], check=True)
            time.sleep(1.5)  # every process has looked

    load = asyncio.create_task(pressed(port, 4.0 * swaps))
    await asyncio.to_thread(swap)
    return await load


@pytest.mark.slow
def test_no_request_fails_and_none_waits_long(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path) as shop:
        url = shop.workspace.database_url
    store = open_store(url)
    for seed in range(3):
        train_tiny_shop(store, tmp_path / "bundles", seed=seed)
    store.close()
    serve = [sys.executable, "-c", "from shoplens.cli import main; main()", "serve", "-w", str(tmp_path), "--port", "0"]
    with subprocess.Popen(serve, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        assert server.stderr is not None
        try:
            told = ""
            while (found := re.search(r"on\s+http://127.0.0.1:(\d+)", told)) is None:
                line = server.stderr.readline()
                assert line, told
                told += line
            port = int(found[1])
            asyncio.run(pressed(port, 2.0))
            usual = asyncio.run(pressed(port, 8.0))
            during = asyncio.run(swapping(port, tmp_path, 3))
        finally:
            server.terminate()
            server.stderr.read()
    print(f"p99 {usual.percentile(99):.1f} ms, while swapping {during.percentile(99):.1f} ms")
    assert usual.failed == during.failed == 0
    assert set(usual.statuses) == set(during.statuses) == {200}
    assert during.percentile(99) <= 2 * usual.percentile(99) + 5.0  # ms: the clock of a busy machine

"""The live service under a mix of requests, beside what a shop would put around `implicit` or RecTools itself.

    python -m benchmarks.speed.live [--products 100000] [--people 20000] [--rate 100] [--seconds 10] [--keep FOLDER]

A synthetic shop (power-law popularity); model, store and server are the real ones. 70 % of the requests are recommend
for known people, 10 % cart, 10 % search by words, 10 % events that are stored; every recommend has a filter. The load
comes from a process of its own, on the same cores. Each side is measured at a fixed rate (latencies), then with as many
requests as it answers; then how soon an event is felt. Shoplens runs with one process and with two. The peers have no
search, so all sides are also measured without it; they keep histories in memory and store nothing. RecTools runs in an
environment of its own, its latencies at a tenth of the rate: it answers some tens of requests a second, and would be
measured waiting. One JSON object.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.speed.peer_environment import peer_python
from benchmarks.speed.served_shop import add_arguments, served
from shoplens.domain.events import event_weight
from shoplens.testing.large_shop import LargeShop
from shoplens.testing.server_process import ServerProcess

WHOLE = {"recommend": 70, "cart": 10, "search": 10, "events": 10}
WITHOUT_SEARCH = {kind: share for kind, share in WHOLE.items() if kind != "search"}
IDLE = 0.1  # of one core, that a server without requests uses at most
SHARE_OF_RATE = {"rectools": 0.1}  # at which latencies are measured
PATIENCE = 1_800.0  # seconds for the peer to learn


def load(port: int, mix: dict[str, int], wanted: argparse.Namespace) -> dict[str, Any]:
    """What `live_load` measures of the service at a port of this machine."""
    command = [sys.executable, "-m", "benchmarks.speed.live_load", "--port", str(port)]
    for name in ("products", "people", "rate", "seconds", "connections"):
        command += [f"--{name}", str(getattr(wanted, name))]
    command += ["--mix", *(f"{kind}={share}" for kind, share in mix.items())]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def shoplens(folder: Path, workers: int, wanted: argparse.Namespace) -> dict[str, Any]:
    """Ours, in so many processes."""
    with ServerProcess(folder, workers=workers) as server:
        _until_warm(server)
        whole, less = (load(server.port, mix, wanted) for mix in (WHOLE, WITHOUT_SEARCH))
        rss = round(server.peak_rss_mb(), 1)
        return {"whole": whole, "without_search": less, "peak_rss_mb": rss, "workers": workers}


def peer(name: str, wanted: argparse.Namespace) -> dict[str, Any]:
    """One of PEERS."""
    with (
        tempfile.TemporaryDirectory(prefix=f"shoplens-{name}-") as folder,
        _service(PEERS[name](wanted, Path(folder))) as (port, process),
    ):
        rate = wanted.rate * SHARE_OF_RATE.get(name, 1.0)
        found = load(port, WITHOUT_SEARCH, argparse.Namespace(**{**vars(wanted), "rate": rate}))
        return {"without_search": found, "peak_rss_mb": round(_peak_mb(process.pid), 1), "workers": 1}


def table(result: dict[str, Any]) -> str:
    """The result as rows of Markdown, as README shows them."""
    lines = [
        "| service | recommend p50 / p99 ms | cart | search | events | requests a second | event felt ms | memory MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, side in result["sides"].items():
        for mix in ("whole", "without_search"):
            if mix in side:
                found, steady = side[mix], side[mix]["steady"]
                cells = [
                    f"{steady[kind]['p50_ms']:.1f} / {steady[kind]['p99_ms']:.1f}" if kind in steady else "–"
                    for kind in WHOLE
                ]
                title = f"{name.split('_')[0]}, {side['workers']} process{'es' * (side['workers'] > 1)}"
                cells += [
                    f"{found['requests_per_second']:.0f}",
                    f"{found['event_to_effect_ms']:.1f}",
                    f"{side['peak_rss_mb']:.0f}",
                ]
                lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _implicit(wanted: argparse.Namespace, _folder: Path) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.speed.implicit_service"]
    return [*command, "--products", str(wanted.products), "--people", str(wanted.people)]


def _rectools(wanted: argparse.Namespace, folder: Path) -> list[str]:
    shop = LargeShop(wanted.products, wanted.people, seed=0)
    events, products = folder / "events.ndjson", folder / "products.ndjson"
    with events.open("wb") as file:
        for batch in shop.behaviour():
            weight = event_weight(np.array(batch.event_type, np.int16), np.full(len(batch), np.nan, np.float32))
            for user, item, one in zip(batch.user_id, batch.item_id, weight.tolist(), strict=True):
                file.write(orjson.dumps([str(user), int(str(item)[1:]), one]) + b"\n")
    with products.open("wb") as file:
        for chunk in shop.catalogue():
            for product in chunk:
                facts = [product.category, product.brand, float(product.price or 0), product.attributes["colour"][0]]
                file.write(orjson.dumps(facts) + b"\n")
    command = [str(peer_python("rectools_service")), "-m", "benchmarks.speed.rectools_service"]
    return [*command, "--events", str(events), "--products", str(products)]


#: Peer → the command that serves it, less its port.
PEERS: dict[str, Callable[[argparse.Namespace, Path], list[str]]] = {"implicit": _implicit, "rectools": _rectools}


@contextmanager
def _service(command: list[str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL) as process:
        try:
            _until_live(port, process)
            yield port, process
        finally:
            process.terminate()


def _until_live(port: int, process: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise RuntimeError("the peer's service did not start")


def _until_warm(server: ServerProcess) -> None:
    """Every worker has everything in memory that search reads."""
    import asyncio

    from shoplens.testing.large_shop_served import until_found

    for _ in range(4 * len(server.workers)):  # new connections go to any worker
        asyncio.run(until_found(server.host, server.port))
    began = time.monotonic()
    while server.busy(2.0) > IDLE:  # an index of vectors is being built
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError("the server never came to rest")


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return float(fields["VmHWM"].split()[0]) / 1_000


def main() -> None:
    """Build, press each side, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second while latency is measured")
    parser.add_argument("--seconds", type=float, default=10.0, help="each measurement takes")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="processes of Shoplens, one run each")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="none: Shoplens alone")
    wanted = parser.parse_args()
    with served(wanted) as (_, folder):
        sides = {f"shoplens_{workers}": shoplens(folder, workers, wanted) for workers in wanted.workers}
    missing = {}
    for name in wanted.peers:
        try:
            sides[name] = peer(name, wanted)
        except (OSError, subprocess.CalledProcessError) as error:  # cannot be installed here
            missing[name] = str(error)
    result = {"products": wanted.products, "people": wanted.people, "mix": WHOLE, "sides": sides, "missing": missing}
    print(table(result), file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

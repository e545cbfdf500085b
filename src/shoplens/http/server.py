"""The serving processes: one socket, one or several workers that share nothing but the store and the bundle pointer."""

from __future__ import annotations

import functools
import gc
import http.client
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from shoplens.errors import ConfigurationError
from shoplens.http.app import create_app
from shoplens.http.workers import Workers
from shoplens.service.logs import configuration
from shoplens.service.runtime import Runtime

GRACE_SECONDS = 10  # for requests in flight when the server stops
MESSAGE_BYTES = 1 << 20  # of one WebSocket message: a quarter of a minute of bare samples
YOUNG = (10_000, 10, 1_000)  # of the three generations, see gc.set_threshold
TURN = 0.0005  # seconds that a thread may compute while others wait


def serve(
    root: Path,
    *,
    host: str,
    port: int,
    workers: int = 1,
    log_level: str = "info",
    log_format: str = "text",
    ready: Callable[[str], None],
) -> None:
    """Serve the workspace until a signal. `ready` is called with the address once the first worker answers."""
    listening = _bind(host, port)
    bound_host, bound_port = listening.getsockname()[:2]
    address = f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
    config = uvicorn.Config(
        functools.partial(_application, root, workers),
        factory=True,
        loop="auto",
        http="httptools",
        ws_max_size=MESSAGE_BYTES,
        workers=workers,
        log_level=log_level,
        log_config=configuration(log_level, log_format),
        access_log=False,  # its lines name people, ours do not: see the setting server.access_log
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=120,  # seconds; a worker that loads a large bundle is busy, not dead
    )
    waiting = threading.Thread(target=_announce, args=(bound_host, bound_port, address, ready), daemon=True)
    waiting.start()
    try:
        if workers > 1:
            Workers(config, [listening]).run()
        else:
            # uvicorn raises the signal once more when everything is done: being told to stop is no failure
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()


def _application(root: Path, workers: int) -> FastAPI:
    """Made inside each worker: opens the workspace, follows bundles and catalogue, closes everything at the end."""
    _one_thread_a_search()
    sys.setswitchinterval(TURN)  # or a quick answer waits for several turns of slow ones
    runtime = Runtime.open(root)
    _seldom_everything()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        runtime.watch()
        yield
        runtime.close()

    app = create_app(runtime, workers=workers)
    app.router.lifespan_context = lifespan
    return app


def _seldom_everything() -> None:
    """Look for unreachable objects among the young ones only. A look at all of them stops every request: a third of a
    second at 100,000 products, and searches make so many objects that it would come again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG)


def _one_thread_a_search() -> None:
    """One person's scores are too small to be worth several threads; requests are what runs side by side."""
    import faiss
    from threadpoolctl import threadpool_limits

    faiss.omp_set_num_threads(1)
    threadpool_limits(1)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2_048)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port (0 = any free one)"
        ) from error
    listening.set_inheritable(True)
    return listening


def _announce(host: str, port: int, address: str, ready: Callable[[str], None]) -> None:
    """Ask until the first worker answers, then say where."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    while True:
        connection = http.client.HTTPConnection(reachable, port, timeout=60)
        try:
            connection.request("GET", "/health/live")
            if connection.getresponse().status == 200:
                ready(address)
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()

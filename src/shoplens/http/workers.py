"""The parent of several serving processes: starts them, replaces those that die or hang, ends them when told to."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process, logger

if TYPE_CHECKING:
    import uvicorn

PAUSE = 5.0  # seconds until a worker that could not start is tried again


class Workers(Multiprocess):
    """uvicorn's, which never waits for one worker: it waited two minutes for an answer of one that was still loading,
    deaf to signals meanwhile, even when that one had died. And Ctrl-C, which a terminal sends to the whole group, is
    the parent's business alone until a worker serves; it came out of each one's imports as a traceback.

    A worker that cannot start ends the server only before any has served: then the settings are wrong. Later the
    database is away, say, and those that serve go on."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self._asked: dict[Process, float] = {}  # time.monotonic() of a ping that was not answered yet
        self._due: dict[Process, float] = {}  # one that ended → time.monotonic() when the next takes its place
        self._served = False  # whether any worker ever did

    def init_processes(self) -> None:
        """Start as many as the settings say."""
        self.processes = [self._started() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        """One look at each worker; none waits."""
        if self.should_exit.is_set():
            return
        for told in (self._asked, self._due):  # signals of uvicorn's own replace workers, too
            for gone in [process for process in told if process not in self.processes]:
                del told[gone]
        for place, process in enumerate(self.processes):
            if process not in self._due:
                if self._well(process):
                    continue
                process.kill()
                process.join()
                if process.exitcode == STARTUP_FAILURE and not self._served:  # it would fail in the same way again
                    logger.error("Child process [%s] failed to start, stopping the parent process.", process.pid)
                    self.should_exit.set()
                    return
                self._due[process] = time.monotonic()
                if process.exitcode == STARTUP_FAILURE:
                    self._due[process] += PAUSE
                    logger.error("Child process [%s] failed to start; it is tried again.", process.pid)
                else:
                    logger.info("Child process [%s] died", process.pid)
            if time.monotonic() >= self._due[process]:
                self.processes[place] = self._started()

    def _started(self) -> Process:
        process = Process(self.config, self.sockets)
        _deaf_to_interrupts(process.start)
        return process

    def _well(self, process: Process) -> bool:
        """Whether it lives, and answered the last ping or still has time for it."""
        if not process.process.is_alive():
            return False
        try:
            if process.parent_conn.poll(0):
                self._served |= bool(process.parent_conn.recv())  # whether its server has begun
                self._asked.pop(process, None)
            if process not in self._asked:
                process.parent_conn.send(b"ping")
                self._asked[process] = time.monotonic()
        except (OSError, EOFError):
            return False
        return time.monotonic() - self._asked[process] <= self.config.timeout_worker_healthcheck


def _deaf_to_interrupts(start: Callable[[], None]) -> None:
    """What is started inherits that SIGINT is ignored; uvicorn hears it again as soon as it serves."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        start()
    finally:
        signal.signal(signal.SIGINT, before)

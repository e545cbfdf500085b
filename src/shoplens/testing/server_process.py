"""`shoplens serve` in a process of its own: to be asked over the network, killed, and started again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

RUN = "from shoplens.cli import main; main()"
ADDRESS = re.compile(r"on\s+http://([\w.:\[\]]+):(\d+)")


class ServerProcess:
    """A served workspace. `with ServerProcess(folder) as server:` stops it at the end, as a service manager would.

    `log`: what it wrote to stderr so far. `environment`: the whole environment of the process; None: that of this one.
    """

    def __init__(
        self, root: Path, *, workers: int = 1, port: int = 0, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = [sys.executable, "-c", RUN, "serve", "-w", str(root), "--workers", str(workers)]
        self._port = port
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None
        self._listening: threading.Thread | None = None
        self.log: list[str] = []
        self.host, self.port = "127.0.0.1", 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Of the process that was started; its workers are children of it."""
        assert self._process is not None, "start it first"
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """Process ids of the worker processes; of a single worker, that of the server itself."""
        found = _children(self.pid)
        working = [one for one in found if b"resource_tracker" not in _command_line(one)]
        return working or [self.pid]

    def peak_rss_mb(self) -> float:
        """Largest resident memory that the server and its workers had, summed; 0 where there is no /proc."""
        total = 0.0
        for pid in {self.pid, *self.workers}:
            with contextlib.suppress(OSError):  # it ended while we looked
                status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
                fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
                total += float(fields.get("VmHWM", "0 kB").split()[0]) / 1_000
        return total

    def busy(self, seconds: float) -> float:
        """Cores that the server and its workers use, over so many seconds; 0 where there is no /proc."""
        before = self._computed()
        time.sleep(seconds)
        return (self._computed() - before) / seconds

    def _computed(self) -> float:
        """Seconds of computing so far."""
        ticks = 0
        for pid in {self.pid, *self.workers}:
            with contextlib.suppress(OSError):  # it ended while we looked
                fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])  # user and system time
        return ticks / os.sysconf("SC_CLK_TCK")

    def start(self) -> Self:
        """Start and wait until it answers. RuntimeError, with what it said, when it does not."""
        self.log.clear()
        command = [*self._command, "--port", str(self._port)]
        self._process = subprocess.Popen(  # noqa: S603 ourselves
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=self._environment
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line)
            if found := ADDRESS.search("".join(self.log[-3:])):
                self.host, self.port = found[1], int(found[2])
                self._listening = threading.Thread(target=self._listen, daemon=True)  # it never waits for a full pipe
                self._listening.start()
                return self
        self.stop()
        raise RuntimeError("the server did not start:\n" + "".join(self.log[-20:]))

    def stop(self, seconds: float = 90.0) -> int | None:
        """Ask it to end, as a service manager does; returns its exit code. Killed when it does not listen."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._hang_up()
        return code

    def kill(self) -> None:
        """SIGKILL to it and all its workers, at once."""
        assert self._process is not None, "start it first"
        for pid in [self.pid, *_children(self.pid)]:
            _kill(pid)
        self._process.wait(30)
        deadline = time.monotonic() + 10
        while _children(self.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._hang_up()

    def _hang_up(self) -> None:
        if self._listening is not None:
            self._listening.join(5)
        if self._process is not None and self._process.stderr is not None:
            self._process.stderr.close()

    def _listen(self) -> None:
        process = self._process
        assert process is not None
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line)


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it ended, or there is no /proc
        return []


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)

"""One worker process, seen from the process that asks it to decode."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from shoplens.encoders.media_wire import Buffer, Raw, receive, send
from shoplens.errors import ConfigurationError, InputError, UnsafeInputError

START_SECONDS = 60.0  # for a worker to import its libraries on a busy machine
CLOSE_SECONDS = 2.0  # for an idle one to end by itself
PIPE_BYTES = 1 << 20  # of a pipe where the system lets that be chosen: fewer turns for a photo

_PROGRAM = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from shoplens.encoders.media_worker import main; main()"
)


class Watchdog:
    """Kills workers whose time is up. One thread for all of them, which starts with the first and can be stopped."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: dict[MediaProcess, float] = {}
        self._wakes = float("inf")  # when the thread looks next
        self._thread: threading.Thread | None = None
        self._stopped = False

    def watch(self, process: MediaProcess, seconds: float) -> None:
        """Kill it unless it is released within so many seconds."""
        with self._changed:
            deadline = time.monotonic() + seconds
            self._deadlines[process] = deadline
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="media-watchdog", daemon=True)
                self._thread.start()
            elif deadline < self._wakes:
                self._changed.notify_all()

    def release(self, process: MediaProcess) -> None:
        """It answered."""
        with self._changed:
            self._deadlines.pop(process, None)

    def stop(self) -> None:
        """End the thread; nothing is watched any longer."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                for process in [one for one, deadline in self._deadlines.items() if deadline <= now]:
                    del self._deadlines[process]
                    process.overdue = True
                    process.kill()
                self._wakes = min(self._deadlines.values(), default=float("inf"))
                self._changed.wait(None if self._wakes == float("inf") else max(0.0, self._wakes - now))


class MediaProcess:
    """A worker. One request at a time; after an error of the process itself it is `dead` and of no further use."""

    def __init__(self, watchdog: Watchdog) -> None:
        self.overdue = False  # killed because it took too long
        self.dead = False
        self.calls = 0
        self._watchdog = watchdog
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own program
                [sys.executable, "-I", "-c", _PROGRAM, json.dumps([str(folder) for folder in sys.path])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the parent, which ends its workers in order
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise ConfigurationError(f"the process that decodes media cannot be started ({error})") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = cast(Raw, self._process.stdin), cast(Raw, self._process.stdout)
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe.fileno())
        watchdog.watch(self, START_SECONDS)
        try:
            ready = receive(self._answers, 0)
        except (OSError, ValueError):
            ready = None
        watchdog.release(self)
        if ready is None:
            self.close()
            raise ConfigurationError(
                "the process that decodes media ended as soon as it was started; try: "
                f"{sys.executable} -c 'import shoplens.encoders.media_worker'"
            )

    def ask(
        self, header: dict[str, Any], parts: Sequence[Buffer], *, seconds: float, memory_bytes: int, most: int
    ) -> tuple[dict[str, Any], memoryview]:
        """Send a request, wait for its answer of at most `most` bytes. Raises the InputError that decoding ended in.

        Memory and `seconds` are what this request may take; when it takes more, the process is killed.
        """
        source = header["source"]
        self.calls += 1
        message = None
        self._watchdog.watch(self, seconds)
        try:
            send(self._requests, {**header, "seconds": seconds, "memory_bytes": memory_bytes}, parts)
            message = receive(self._answers, most)
        except (OSError, ValueError):
            self.kill()  # it is gone, or answers nonsense
        except BaseException:  # Ctrl-C between question and answer: the next question would get this answer
            self.kill()
            self.dead = True
            raise
        finally:
            self._watchdog.release(self)
        if message is None:
            raise self._post_mortem(source, seconds, memory_bytes)
        answer, body = message
        refused = answer.get("refused")
        if refused == "memory":
            raise _too_much_memory(source, memory_bytes)
        if refused is not None:
            raise (UnsafeInputError if refused == "unsafe" else InputError)(str(answer.get("reason")))
        return answer, body

    @property
    def gone(self) -> bool:
        """Whether it has ended, by whatever cause (the system may end processes when memory runs out)."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once."""
        with suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """End it: by itself when it is idle, by force when it does not within two seconds."""
        self.dead = True
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    def _post_mortem(self, source: str, seconds: float, memory_bytes: int) -> InputError:
        """Why it died, in words."""
        self.close()
        code = self._process.returncode
        if self.overdue or code == -getattr(signal, "SIGXCPU", 0):
            return UnsafeInputError(f"{source}: refused, decoding it takes longer than {seconds:g} s")
        if code == -getattr(signal, "SIGABRT", 0):  # what C++ does when there is no memory
            return _too_much_memory(source, memory_bytes)
        return UnsafeInputError(f"{source}: refused, it made the decoder fail ({_name_of(code)})")


def _too_much_memory(source: str, memory_bytes: int) -> UnsafeInputError:
    return UnsafeInputError(f"{source}: refused, decoding it takes more than {memory_bytes >> 20:,} MB of memory")


def _name_of(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"
    except ValueError:
        return f"signal {-code}"


def _widen(pipe: int) -> None:
    """Let more bytes wait in a pipe, where the system knows how (Linux)."""
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except (ImportError, AttributeError, OSError):  # smaller pipes work too
        return

"""Processes: the HTTP server with its signals, and the projector that runs beside it as a child.

The child ends with its parent whatever happens to that one: its standard input is a pipe that only the parent holds.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

import structlog
import uvicorn

from lead_events.domain.errors import Misconfigured

FORCED_EXIT = 1
_BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STABLE_SECONDS = 60.0
_CHILD_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048
_LAST_SECONDS = 9.0

_logger = structlog.get_logger("lead_events.serving")


class PortTaken(Misconfigured):
    """Cannot listen on {0}:{1} ({2}); name another port with --port or PORT=…."""


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket, before anything else is started.

    Args:
        port: 0 takes a free one.

    Raises:
        PortTaken: somebody else listens there, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(host, port, error.strerror or "no such address") from None
    listener.set_inheritable(False)
    return listener


class Server(uvicorn.Server):
    """uvicorn with our way to end: the first signal drains, the second forces, the exit code says which."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        shutdown_seconds: float,
        on_started: Callable[[], None],
        on_closing: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            config: of uvicorn.
            shutdown_seconds: after which requests under way are cut.
            on_started: called when connections are accepted.
            on_closing: called at the first signal, before anything is closed.
        """
        super().__init__(config)
        self._limit_seconds = shutdown_seconds
        self._on_started = on_started
        self._on_closing = on_closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections and say so."""
        await super().startup(sockets)
        if self.started:
            self._on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Begin to end; end at once when asked again."""
        if self.should_exit:
            os._exit(FORCED_EXIT)
        self._on_closing()
        self.should_exit = True
        watchdog = threading.Timer(self._limit_seconds + _LAST_SECONDS, os._exit, [FORCED_EXIT])
        watchdog.daemon = True
        watchdog.start()


def configure(app: Callable[..., object], protocol: type, *, shutdown_seconds: float, log_level: str) -> uvicorn.Config:
    """Return uvicorn's configuration: one process, uvloop where there is one, our protocol, our log."""
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="on",
        loop="auto",
        access_log=False,
        log_config=None,
        log_level=log_level,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(shutdown_seconds),
        backlog=_BACKLOG,
    )


class Supervisor:
    """Keeps one child process running: restarts it, slower and slower, until told to stop."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        """Prepare.

        Args:
            command: of the child; it must end when its standard input ends.
            environment: of the child.
        """
        self._command = list(command)
        self._environment = environment
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def start(self) -> None:
        """Start the child and watch it."""
        self._thread.start()

    def stop(self) -> None:
        """End the child: let it finish its step, then insist."""
        with self._lock:
            self._stopping.set()
            child = self._child
        if child is not None:
            _end(child)
        if self._thread.ident is not None:
            self._thread.join(_CHILD_SECONDS)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            since = time.monotonic()
            code = self._run_once()
            failures = 1 if time.monotonic() - since > _STABLE_SECONDS else failures + 1
            if not self._stopping.is_set():
                wait = _BACK_OFF_SECONDS[min(failures, len(_BACK_OFF_SECONDS)) - 1]
                _logger.warning("worker_ended", exit_code=code, restart_seconds=wait)
                self._stopping.wait(wait)

    def _run_once(self) -> int:
        with self._lock:
            if self._stopping.is_set():
                return 0
            self._child = subprocess.Popen(  # noqa: S603 - our own command
                self._command, stdin=subprocess.PIPE, env=self._environment, start_new_session=True
            )
        return self._child.wait()


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    for insist in (child.terminate, child.kill):
        try:
            child.wait(_CHILD_SECONDS / 2)
        except subprocess.TimeoutExpired:
            insist()
        else:
            return
    child.wait()


def stop_on_signals(stop: threading.Event) -> None:
    """Let SIGTERM and SIGINT end a loop after its step, and a second one end the process."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(FORCED_EXIT)
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)


def stop_with_parent(stop: threading.Event) -> None:
    """Let the end of standard input, which is a pipe held by the parent alone, end a loop and then the process."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        stop.set()
        threading.Event().wait(_CHILD_SECONDS)
        os._exit(FORCED_EXIT)

    threading.Thread(target=wait, name="parent", daemon=True).start()

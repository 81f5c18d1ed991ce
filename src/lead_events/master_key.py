"""The master key: read from a setting or a file, and made once for an embedded database.

Whoever loses it loses every sealed value, so a file is never replaced and never written twice.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from contextlib import suppress
from pathlib import Path

from lead_events import clock
from lead_events.domain.errors import Misconfigured

KEY_BYTES = 32


class UnreadableMasterKey(Misconfigured):
    """The master key in {0} is not 32 bytes as 64 hex digits or base64."""


class ExposedMasterKey(Misconfigured):
    """Others may read the master key file '{0}'; run `chmod 600 {0}`."""


def parse(text: str, place: str) -> bytes:
    """Read a key written as 64 hex digits or as base64, plain or URL-safe.

    Args:
        text: the key.
        place: where it stood, for the error; the key itself is never repeated.

    Raises:
        UnreadableMasterKey: it is something else.
    """
    text = text.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else _from_base64(text)
    except (ValueError, binascii.Error):
        raise UnreadableMasterKey(place) from None
    if len(key) != KEY_BYTES:
        raise UnreadableMasterKey(place)
    return key


def read(path: Path) -> bytes | None:
    """Return the key in a file, or None when there is no such file.

    Raises:
        UnreadableMasterKey: the file holds something else, or may not be read.
        ExposedMasterKey: accounts other than the owner and the group may read it.
    """
    try:
        text = path.read_text(encoding="ascii", errors="replace")
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError:
        raise UnreadableMasterKey(str(path)) from None
    if os.name == "posix" and mode & stat.S_IRWXO:
        raise ExposedMasterKey(str(path))
    return parse(text, str(path))


def create(path: Path) -> bytes:
    """Return the key in a file, making file and key (mode 0600) if there is none; two who ask at once get the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{clock.new_event_id()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(clock.random_bytes(KEY_BYTES).hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename, this never replaces a key
        _sync_folder(path.parent)
    finally:
        draft.unlink()
    key = read(path)
    if key is None:
        raise UnreadableMasterKey(str(path))
    return key


def _sync_folder(folder: Path) -> None:
    """Make the file's name as durable as its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _from_base64(text: str) -> bytes:
    padded = text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4)
    return base64.b64decode(padded, validate=True)

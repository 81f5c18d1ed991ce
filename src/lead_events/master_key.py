"""The master key: read from a setting or a file, and made once for an embedded database.

Whoever loses it loses every sealed value, so a file is never made twice; a rotation replaces it only by one that holds the
old key too, until nothing needs that any more. Where several keys stand, the newest comes first.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lead_events import clock
from lead_events.domain.errors import Misconfigured
from lead_events.store.disk import sync

KEY_BYTES = 32


class UnreadableMasterKey(Misconfigured):
    """The master key in {0} is not 32 bytes as 64 hex digits or base64."""


class ExposedMasterKey(Misconfigured):
    """Others may read the master key file '{0}'; run `chmod 600 {0}`."""


class UnwritableMasterKey(Misconfigured):
    """The master key file '{0}' cannot be written here; write a new key on a line before the old one, and run this again."""


def parse_all(text: str, place: str) -> tuple[bytes, ...]:
    """Read keys that stand one a line, or with spaces or commas between them, newest first.

    Args:
        text: the keys.
        place: where they stood, for the error; no key is ever repeated.

    Raises:
        UnreadableMasterKey: there is none, or one is something else.
    """
    found = tuple(dict.fromkeys(parse(each, place) for each in text.replace(",", " ").split()))
    if not found:
        raise UnreadableMasterKey(place)
    return found


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
    """Return the key in a file, the newest if there are several, or None when there is no such file.

    Raises:
        UnreadableMasterKey: the file holds something else, or may not be read.
        ExposedMasterKey: accounts other than the owner and the group may read it.
    """
    return next(iter(read_all(path)), None)


def read_all(path: Path) -> tuple[bytes, ...]:
    """Return the keys in a file, newest first; none when there is no such file.

    Raises:
        UnreadableMasterKey: the file holds something else, or may not be read.
        ExposedMasterKey: accounts other than the owner and the group may read it.
    """
    try:
        text = path.read_text(encoding="ascii", errors="replace")
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ()
    except OSError:
        raise UnreadableMasterKey(str(path)) from None
    if os.name == "posix" and mode & stat.S_IRWXO:
        raise ExposedMasterKey(str(path))
    return parse_all(text, str(path))


def create(path: Path) -> bytes:
    """Return the key in a file, making file and key (mode 0600) if there is none; two who ask at once get the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _write_draft(path, (clock.random_bytes(KEY_BYTES),), 0o600)
    try:
        with suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename, this never replaces a key
        sync(path.parent)
    finally:
        draft.unlink()
    key = read(path)
    if key is None:
        raise UnreadableMasterKey(str(path))
    return key


def replace(path: Path, keys: Sequence[bytes]) -> None:
    """Replace a file by one that holds other keys, newest first: whoever reads it finds the one or the other, whole.

    Raises:
        UnwritableMasterKey: the file may not be replaced here.
    """
    try:
        draft = _write_draft(path, keys, stat.S_IMODE(path.stat().st_mode))
        draft.replace(path)
        sync(path.parent)
    except OSError:
        raise UnwritableMasterKey(str(path)) from None


def _write_draft(path: Path, keys: Sequence[bytes], mode: int) -> Path:
    draft = path.with_name(f".{path.name}.{clock.new_event_id()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(key.hex().encode() + b"\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _from_base64(text: str) -> bytes:
    padded = text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4)
    return base64.b64decode(padded, validate=True)

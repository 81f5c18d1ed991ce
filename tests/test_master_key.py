"""The master key file: made once, never replaced, never readable by others."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest

from lead_events import master_key
from lead_events.domain.errors import Misconfigured

KEY = bytes(range(200, 232))


@pytest.mark.parametrize("text", [KEY.hex(), base64.b64encode(KEY).decode(), base64.urlsafe_b64encode(KEY).decode().rstrip("=")])
def test_a_key_is_read_in_every_spelling(text: str) -> None:
    """Hex and both kinds of base64."""
    assert master_key.parse(f"{text}\n", "here") == KEY


@pytest.mark.parametrize("text", ["", "secret", KEY.hex()[:-2], "zz" * 32])
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    """The place is named, the text is not."""
    with pytest.raises(Misconfigured) as refused:
        master_key.parse(text, "LEAD_EVENTS_MASTER_KEY")
    assert "LEAD_EVENTS_MASTER_KEY" in str(refused.value)
    assert not text or text not in str(refused.value)


def test_many_who_create_it_at_once_get_the_same_key(tmp_path: Path) -> None:
    """Whoever comes second reads the first one's."""
    path, found = tmp_path / "below" / "some.key", set()
    threads = [threading.Thread(target=lambda: found.add(master_key.create(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {master_key.read(path)}
    assert [each.name for each in path.parent.iterdir()] == ["some.key"]


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """The command that mends it is in the message."""
    path = tmp_path / "some.key"
    master_key.create(path)
    path.chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        master_key.read(path)


def test_several_keys_are_read_newest_first(tmp_path: Path) -> None:
    """One a line, or with spaces or commas between; a key that stands twice counts once."""
    path = tmp_path / "some.key"
    other = bytes(32)
    path.write_text(f"{other.hex()}\n{KEY.hex()}\n{other.hex()}\n")
    path.chmod(0o600)
    assert master_key.read_all(path) == (other, KEY)
    assert master_key.read(path) == other
    assert master_key.parse_all(f"{KEY.hex()}, {other.hex()}", "here") == (KEY, other)


def test_a_replaced_file_is_never_half_written(tmp_path: Path) -> None:
    """Whoever reads meanwhile finds the keys before or after, never fewer; nothing is left beside it."""
    path = tmp_path / "some.key"
    first = master_key.create(path)
    seen, stop = set(), threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add(master_key.read_all(path))

    reader = threading.Thread(target=watch)
    reader.start()
    for _ in range(50):
        master_key.replace(path, (KEY, first))
        master_key.replace(path, (first,))
    stop.set()
    reader.join()
    assert seen <= {(first,), (KEY, first)}
    assert [each.name for each in tmp_path.iterdir()] == ["some.key"]

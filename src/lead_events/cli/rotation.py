"""``keys rotate-master``: another master key for the whole log, while everything goes on."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from lead_events import app, clock, master_key
from lead_events.cli.bars import show_bar
from lead_events.cli.opening import opened
from lead_events.domain.errors import Conflict, Misconfigured, MissingMasterKey
from lead_events.domain.times import format_instant
from lead_events.settings import Settings
from lead_events.store.rotation import Rotation, rotate

_FOUND = 1


class OneMasterKey(Misconfigured):
    """LEAD_EVENTS_MASTER_KEY holds one key; write a new one (openssl rand -hex 32) and a space before it, restart every process, and run this again."""  # noqa: E501 - a message is one line


@click.command("rotate-master")
@click.option("--prepare", is_flag=True, help="Only write a new key into the file, to be copied to other machines first.")
def rotate_master(*, prepare: bool) -> None:
    """Wrap every data key by a new master key; the service goes on, and the log is not touched."""
    with opened() as database:
        database.vault()  # the keys at hand must be those of this log before a new one is made
        path = None if database.settings.master_key else app.master_key_path(database.settings)
        if path is None:
            _rotate_setting(database.settings)
        else:
            with _alone(path):
                _rotate_file(path, prepare=prepare)


def _rotate_setting(settings: Settings) -> None:
    keys = app.find_masters(settings)()
    if len(keys) < 2:
        raise OneMasterKey
    _rotate(keys[0])
    click.echo("Done. Take the old key out of LEAD_EVENTS_MASTER_KEY everywhere; backups from before still need it.")


def _rotate_file(path: Path, *, prepare: bool) -> None:
    keys = master_key.read_all(path)
    if not keys:
        raise MissingMasterKey
    if len(keys) == 1:
        keys = (clock.random_bytes(master_key.KEY_BYTES), *keys)
        master_key.replace(path, keys)
        click.echo(f"A new master key stands before the old one in {path}.", err=True)
    if prepare:
        click.echo("Copy the file to every machine, then run: ./lead-events keys rotate-master")
        return
    _rotate(keys[0])
    retired = _retire(path, keys)
    click.echo(f"Done. The old key is in {retired}: delete it together with the last backup from before.")


def _rotate(new_master: bytes) -> None:
    with opened() as database, show_bar("rotate") as advance:
        done = rotate(database.engine, database.vault(), new_master, report=advance)
    click.echo(f"{done.rewrapped:,} keys wrapped anew, {done.already:,} were already.", err=True)
    if done.unopened:
        _refuse_to_retire(done)


def _refuse_to_retire(done: Rotation) -> None:
    for ref in done.unopened:
        click.echo(f"{ref.hex()}: no master key opens this data key")
    click.echo("The old master key is kept as it is; run ./lead-events verify log, and restore what it finds.", err=True)
    sys.exit(_FOUND)


def _retire(path: Path, keys: tuple[bytes, ...]) -> Path:
    """Take the old keys out of the file, into one of their own: first written, then taken out."""
    retired = path.with_name(f"{path.name}.until-{format_instant(clock.now())[:19].replace(':', '')}Z")
    os.close(os.open(retired, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    master_key.replace(retired, keys[1:])
    master_key.replace(path, keys[:1])
    return retired


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one rotation at a time touch a file; whoever dies lets go.

    Raises:
        Conflict: another one is under way.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("Another rotation of this master key is under way; wait for it.") from None
        yield
    finally:
        os.close(folder)

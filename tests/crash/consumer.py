"""A CRM that follows the changes feed in a process of its own: what it read is on its disk before it moves its cursor."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import httpx
import orjson


def follow(address: str, key: str, path: Path, _output: Pipe) -> None:
    """Pull changes for ever, from where the file ends; a line is a page: its next cursor and its changes."""
    with path.open("ab") as file, httpx.Client(timeout=10, trust_env=False) as client:
        while True:
            pull(client, address, key, path, file.fileno())


def pull(client: httpx.Client, address: str, key: str, path: Path, file: int, limit: int = 50) -> bool:
    """Pull one page after the last one that was written whole; say whether there is more."""
    given: dict[str, str | int] = {"after": read_cursor(path), "limit": limit}
    try:
        answer = client.get(f"{address}/v1/changes", params=given, headers={"Authorization": f"Bearer {key}"})
    except httpx.HTTPError:
        return True
    answer.raise_for_status()
    page = answer.json()
    if page["data"]:
        os.write(file, b"\n" + orjson.dumps([page["next_cursor"], page["data"]]) + b"\n")
        os.fdatasync(file)
    return bool(page["has_more"])


def read_pages(path: Path) -> list[tuple[str, list[dict[str, object]]]]:
    """Return the pages that were written whole."""
    pages = []
    for line in path.read_bytes().splitlines():
        try:
            pages.append(orjson.loads(line))
        except orjson.JSONDecodeError:  # it was killed while writing this one
            continue
    return [(cursor, changes) for cursor, changes in pages]


def read_cursor(path: Path) -> str:
    """Return where to go on."""
    pages = read_pages(path)
    return pages[-1][0] if pages else "0"

"""Judges pieces of a file, in other processes when there is much of it, and gives the verdicts back in order.

A judge is a plain function of its rules and one piece; it is started in a fresh interpreter, so both must be picklable.
"""

from __future__ import annotations

import gc
import marshal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from lead_events.cores import count_usable
from lead_events.transfer.candidates import Judged, pack, unpack

_AHEAD = 2
_COLLECT_EVERY = 50_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a file.

    Attributes:
        content: what the judge gets, besides its rules.
        size: bytes of the file that it covers.
    """

    content: tuple[Any, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge made of a piece, and how many bytes of the file it covers."""

    judged: Sequence[Judged]
    size: int


Judge = Callable[..., list[Judged]]


def judge_here(judge: Judge, rules: Any, pieces: Iterable[Piece]) -> Iterator[Verdict]:
    """Judge pieces one by one in this process."""
    for piece in pieces:
        yield Verdict(judge(rules, *piece.content), piece.size)


def judge_apart(judge: Judge, rules: Any, pieces: Iterable[Piece], workers: int | None = None) -> Iterator[Verdict]:
    """Judge pieces in other processes, a few of them ahead of whoever takes the verdicts.

    Args:
        workers: number of processes; one less than there are cores if None, because somebody has to append.
    """
    count = workers or max(1, count_usable() - 1)
    collect_seldom()
    with _pool(count, judge, rules) as pool:
        under_way: deque[tuple[Future[bytes], int]] = deque()
        for piece in pieces:
            under_way.append((pool.submit(_judge, piece.content), piece.size))
            if len(under_way) > count * _AHEAD:
                yield _take(under_way)
        while under_way:
            yield _take(under_way)


@contextmanager
def _pool(count: int, judge: Judge, rules: Any) -> Iterator[ProcessPoolExecutor]:
    # Never by fork: this process has open databases and threads.
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_prepare, initargs=(judge, rules))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def collect_seldom() -> None:
    """Let this process look for garbage in cycles seldom: events make none, and looking costs a tenth of an import."""
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, 50, 50)


_prepared: list[Any] = []


def _prepare(judge: Judge, rules: Any) -> None:
    collect_seldom()
    _prepared[:] = [judge, rules]


def _judge(content: tuple[Any, ...]) -> bytes:
    judge, rules = _prepared
    return marshal.dumps([pack(each) for each in judge(rules, *content)])


def _take(under_way: deque[tuple[Future[bytes], int]]) -> Verdict:
    future, size = under_way.popleft()
    return Verdict([unpack(each) for each in marshal.loads(future.result())], size)  # noqa: S302 - from our own process

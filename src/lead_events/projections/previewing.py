"""What a model would change, told before anything is built: leads are folded by it in memory, and compared. Writes nothing.

Every lead is folded by the live fold itself, up to the checkpoint at which the live generation stood when the preview began,
however far that one goes on meanwhile. The first answer is of a sample from the log; then the log is read in columns.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Engine

from lead_events.domain.model import Model
from lead_events.domain.times import format_instant
from lead_events.projections.aside import Say, run_aside
from lead_events.projections.counting import count_unmoved
from lead_events.projections.effects import Effects, count_effects, describe, note_founded
from lead_events.projections.owning import SharedNumber
from lead_events.projections.pairing import Asked, Pair, Portion, Question, ask, ask_again, fold_pairs
from lead_events.projections.recalling import Recall, fold_recalled, recall
from lead_events.projections.replay import Opening
from lead_events.projections.sampling import extrapolate
from lead_events.projections.tallying import Tally, compare_lead, summarize
from lead_events.store.vault import Vault

_LOG = logging.getLogger(__name__)

FIRST_SECONDS = 0.7
EVERY_SECONDS = 1.0

# The door's threads share this process: without a gap they would wait for each turn of the interpreter.
_GAP_SECONDS = 0.001
_SHOWN_REASONS = 20

Report = dict[str, Any]


def preview(
    engine: Engine,
    vault: Vault,
    model: Model,
    stop: threading.Event,
    *,
    opening: Opening | None = None,
    first: float = FIRST_SECONDS,
    every: float = EVERY_SECONDS,
) -> Generator[Report]:
    """Say what a model would change, first of a sample, then of more and more leads, and at last of all.

    Args:
        engine: of the log.
        vault: of the log.
        model: the candidate; it need not be published.
        stop: set it to end after the leads under way; no exact report follows then.
        opening: of the database, if all leads are to be folded in a process of its own; the sample never is.
        first: seconds until the first report.
        every: seconds between two reports.

    Returns:
        Reports, each whole; only the last one is ``exact``.
    """
    return _tell(engine, vault, ask(engine, model), stop, opening, first, every)


def _tell(
    engine: Engine,
    vault: Vault,
    question: Question,
    stop: threading.Event,
    opening: Opening | None,
    first: float,
    every: float,
) -> Generator[Report]:
    """Fold a sample from the log at once; if that does not come to its end, fold all leads from the log in columns."""
    report = next(Counted(question, vault).go_on(fold_pairs(engine, vault, question), stop, first), None)
    if report is None:
        return
    yield report
    if report["exact"]:
        return
    if opening is None:
        yield from _tell_all(engine, vault, question, stop, every)
    else:
        yield from run_aside(opening, partial(_say_all, Asked.of(question), every), stop)


def _say_all(asked: Asked, every: float, engine: Engine, vault: Vault, say: Say) -> None:
    for report in _tell_all(engine, vault, ask_again(engine, asked), threading.Event(), every):
        say(report)


def _tell_all(engine: Engine, vault: Vault, question: Question, stop: threading.Event, every: float) -> Iterator[Report]:
    try:
        recalled = recall(engine, vault, question)
    except SharedNumber:
        _LOG.exception("previews read the log itself")
        return Counted(question, vault).go_on(fold_pairs(engine, vault, question), stop, every)
    return Counted(question, vault, recalled).go_on(fold_recalled(engine, vault, question, recalled), stop, every)


class Counted:
    """What is counted so far, as a report tells it."""

    def __init__(self, question: Question, vault: Vault, recalled: Recall | None = None) -> None:
        """Begin to count.

        Args:
            recalled: where leads come from columns: who is not folded is counted all the same.
        """
        self._question = question
        self._vault = vault
        self._recalled = recalled
        self._tally, self._effects = Tally(), Effects(question.old, question.live.clock)
        self._share = 0.0
        self._folded = self._added = 0
        if recalled is not None and recalled.selection.first_at is not None:
            note_founded(self._effects, recalled.selection.first_at)

    def go_on(self, found: Iterable[Portion], stop: threading.Event, every: float) -> Iterator[Report]:
        """Count on and report every so many seconds, and at the end exactly; when told to stop, no more."""
        due = time.monotonic() + every
        for portion in found:
            if stop.is_set():
                return
            self._share = portion.share
            self._add(portion)
            if self._tally.leads and portion.share < 1 and time.monotonic() >= due:
                yield self._report(is_exact=False)
                due = time.monotonic() + every
            time.sleep(_GAP_SECONDS)
        if not stop.is_set():
            yield self._report(is_exact=True)

    def _add(self, portion: Portion) -> None:
        for pair in portion.pairs:
            self._add_pair(pair)
        unmoved, some = portion.unmoved, portion.some
        if self._recalled is not None and unmoved is not None and some.stop > some.start:
            self._added += int(unmoved.events[some].sum())
            count_unmoved(self._tally, self._effects, unmoved, self._recalled.selection.leads[unmoved.places], some)

    def _add_pair(self, pair: Pair) -> None:
        question, before, after = self._question, pair.before.lead, pair.after.lead
        self._folded += after.events
        moved = compare_lead(self._tally, question.old, question.new, before, after, question.live.clock)
        movers = {founding for _, founding in self._tally.movers}
        count_effects(self._effects, pair.before, pair.after, moved, movers)

    def _leads(self, *, is_exact: bool) -> int:
        """Count the leads looked at: folded, or passed over because nothing they did matters."""
        if self._recalled is None:
            return self._tally.leads
        folded = self._recalled.count_leads()
        passed = max(0, self._question.leads - folded)
        return self._tally.leads + (passed if is_exact else int(passed * self._share))

    def _report(self, *, is_exact: bool) -> Report:
        live, old, new = self._question.live, self._question.old, self._question.new
        leads = self._leads(is_exact=is_exact)
        of = leads if is_exact else max(self._question.leads, leads)
        tally = replace(self._tally, leads=leads)
        counted = summarize(tally, old, new)
        return {
            "exact": is_exact,
            "sample": {"leads": leads, "of": of},
            "progress": 1.0 if is_exact else round(self._share, 4),
            "as_of": format_instant(live.clock),
            "position": live.position,
            "from": {"generation_id": live.generation_id, "model": live.model_number},
            "read": self._read(),
            "estimate": None if is_exact else _estimate(tally, counted, of),
            **counted,
            **describe(self._effects, tally, new, self._vault.log_id, of / max(1, leads)),
        }

    def _read(self) -> dict[str, Any]:
        """Say how many events were folded or added up, and what had to be read from the log itself, and why."""
        read = {"folded": self._folded, "added_up": self._added}
        if self._recalled is None:
            return {**read, "from_log": self._folded, "because": [], "everything": None}
        because = self._recalled.because.most_common(_SHOWN_REASONS)
        reasons = [{"type": type_, "field": name, "events": events} for (type_, name), events in because]
        return {
            **read,
            "from_log": self._recalled.from_log,
            "because": reasons,
            "everything": self._recalled.everything or None,
        }


def _estimate(tally: Tally, counted: dict[str, Any], of: int) -> dict[str, Any]:
    """Return what the sample says of all leads."""
    return {
        "different": extrapolate(tally.different, tally.leads, of),
        "definitions": {
            name: {move: extrapolate(leads, tally.leads, of) for move, leads in moves.items()}
            for name, moves in counted["definitions"].items()
        },
    }

"""How much each figure measures at a given size, so that a whole run at 200K takes eight minutes at most on two quiet cores."""

from __future__ import annotations

from dataclasses import dataclass

_UNITS = {"K": 1_000, "M": 1_000_000}


@dataclass(frozen=True, slots=True)
class Plan:
    """The real numbers behind one ``SIZE``.

    Attributes:
        events: arrivals of the demo history that the log holds before anything is measured.
        leads: rows that the list of leads should have; the demo's own plus synthetic ones.
        lead_seconds: at most so long are synthetic leads written, per database; the table says how many there were.
        rounds: how often alternating measurements are repeated.
        door_seconds: one round of single posts against one server.
        batch_seconds: batches against one server.
        paced_seconds: one stretch of posts at a fixed rate.
        pages: pages of leads read per list.
        people: persons with a thousand events who are identified, explained and erased.
        sealing_events: events that are appended and folded with and without their personal parts.
        import_events: lines of the file that is imported.
        append_batches: batches per round of append and of its limit.
        fold_events: events that peers and limits fold.
        projected_events: events that the peer projects into stored rows.
    """

    events: int
    leads: int
    lead_seconds: float
    rounds: int
    door_seconds: float
    batch_seconds: float
    paced_seconds: float
    pages: int
    people: int
    sealing_events: int
    import_events: int
    append_batches: int
    fold_events: int
    projected_events: int


def read_size(text: str) -> int:
    """Return the number in ``20000``, ``20K`` or ``1M``.

    Raises:
        ValueError: it is no such number.
    """
    unit = _UNITS.get(text[-1:].upper())
    return int(text) if unit is None else int(float(text[:-1]) * unit)


def plan(events: int) -> Plan:
    """Return what to measure on a log of so many events."""
    if events < 10_000:
        return Plan(events, events // 4, 2, 1, 0.3, 0.3, 0.6, 10, 1, 1_000, 2_000, 2, 2_000, 200)
    if events < 100_000:
        return Plan(events, events, 10, 2, 1.5, 2, 4, 60, 2, 4_000, 20_000, 8, 20_000, 1_000)
    if events < 1_000_000:
        return Plan(events, 100_000, 12, 3, 3, 5, 6, 120, 3, 6_000, 50_000, 12, 40_000, 2_000)
    return Plan(events, 1_000_000, 180, 3, 4, 6, 10, 200, 5, 10_000, 100_000, 20, 50_000, 3_000)


def expected_seconds(plan: Plan, databases: int) -> dict[str, float]:
    """Return about how long each phase takes on two quiet cores, by its name; a budget corrects it by what it sees."""
    each = {
        "import": 3 + plan.import_events / 6_000,
        "sealing": 1 + plan.sealing_events / 2_500,
        "history": plan.events / 9_000,
        "replay": 4 + plan.events / 9_000,
        "disk": 1 + plan.events / 100_000,
        "promotion": min(plan.lead_seconds, plan.leads / 5_000) + 2,
        "preview": 12 + plan.events / 15_000,
        "lists": 1 + plan.pages * 0.09,
        "people": 8 + plan.people * 3 + plan.pages * 0.1,
        "door": 4 + plan.rounds * plan.door_seconds * 2.5,
        "batches": 4 + plan.batch_seconds * 2,
        "visible": 2 + plan.paced_seconds * 1.3,
        "niced": 6 + plan.paced_seconds * 3,
        "append": 2 + plan.rounds * plan.append_batches / 8,
    }
    peers = 5 + plan.fold_events / 20_000 + plan.projected_events / 1_000
    once = {"peers": peers, "growth": 8 + plan.events / 25_000}
    return {name: seconds * databases for name, seconds in each.items()} | once

"""Points that time alone moves: what was given for a time only expires, and silence costs. Both happen at their true instant.

Each is a contribution that names the event it goes back to, so that explanations still add up.
"""

from __future__ import annotations

from lead_events.domain.acts import is_act
from lead_events.domain.decay import decayed
from lead_events.domain.events import Event
from lead_events.domain.model import Model
from lead_events.domain.rules import CompiledRule, CompiledSilence
from lead_events.domain.scoring import Contribution, Trace, machine_entry, remember_credit
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant

_DUST = 1e-9
"""Points; less than this is what rounding left of a score whose last points expired."""


def expire(lead: Lead, until: Instant, model: Model, trace: Trace | None) -> bool:
    """Take back what is left of points whose time is over.

    Returns:
        Whether any were.
    """
    changed = False
    while lead.expiring and lead.expiring[0][0] <= until:
        expires, since, rule_id, credited, position = lead.expiring.pop(0)
        rule = model.rules_by_id[rule_id]
        left = decayed(credited, since, expires, model.scores[rule.score].half_life)
        _leave_room(lead, rule, left, expires, model)
        name = model.scores[rule.score].name
        _add(lead, rule.score, Contribution(position, expires, name, rule.id, -left, 0.0, "", "expired"), model, trace)
        changed = True
    return changed


def listen(lead: Lead, event: Event) -> bool:
    """Note an act of the lead, which ends a silence; say whether what is due may have changed.

    Time without consent to profiling is no silence: it begins anew with the consent.
    """
    if not lead.profiled:
        lead.acted, lead.silent = None, []
        return True
    if lead.acted is not None and not is_act(event.type):
        return False
    lead.acted = [event.at, event.position]
    lead.silent = []
    return True


def fall_silent(lead: Lead, at: Instant, model: Model, trace: Trace | None) -> bool:
    """Let every inactivity rule whose time has come do its part, once in each silence.

    Returns:
        Whether any did.
    """
    if lead.acted is None:
        return False
    changed = False
    for silence in model.silences:
        if lead.acted[0] + silence.after > at or silence.id in lead.silent:
            continue
        if silence.unless is not None and silence.unless.holds(lead, at):
            continue
        lead.silent.append(silence.id)
        _cost(lead, silence, at, model, trace)
        changed = True
    return changed


def next_lapse(lead: Lead, after: Instant, model: Model) -> Instant | None:
    """Return the first instant after ``after`` at which points expire or a silence is long enough, or None."""
    first: Instant | None = lead.expiring[0][0] if lead.expiring else None
    if lead.acted is not None:
        for silence in model.silences:
            due = lead.acted[0] + silence.after
            if due > after and silence.id not in lead.silent and (first is None or due < first):
                first = due
    return first


def _cost(lead: Lead, silence: CompiledSilence, at: Instant, model: Model, trace: Trace | None) -> None:
    points = silence.points
    if silence.set is not None:
        score = model.scores[silence.score]
        entry = machine_entry(lead, silence.score, score)
        points = silence.set - decayed(entry[0], entry[1], at, score.half_life)
        _forget(lead, silence.score, model)
    position = lead.acted[1] if lead.acted else 0
    name = model.scores[silence.score].name
    _add(lead, silence.score, Contribution(position, at, name, silence.id, points, 0.0, "", "inactive"), model, trace)


def _forget(lead: Lead, score: int, model: Model) -> None:
    """Forget what rules gave a score that is set: it is gone, so it can neither expire nor be taken back."""
    lead.expiring = [entry for entry in lead.expiring if model.rules_by_id[entry[2]].score != score]
    for rule in model.rules:
        for id_ in (rule.id, rule.group.id if rule.group else rule.id):
            if rule.score == score and id_ in lead.rules:
                lead.rules[id_][2] = 0.0


def _leave_room(lead: Lead, rule: CompiledRule, left: float, at: Instant, model: Model) -> None:
    score = model.scores[rule.score]
    if rule.cap is not None and rule.id in lead.rules:
        remember_credit(lead, rule.id, -left, at, score)
    if rule.group is not None and rule.group.cap is not None and rule.group.id in lead.rules:
        remember_credit(lead, rule.group.id, -left, at, score)


def _add(lead: Lead, index: int, drafted: Contribution, model: Model, trace: Trace | None) -> None:
    """Add the points of a contribution, or take them, within floor and cap of the score."""
    score = model.scores[index]
    entry = machine_entry(lead, index, score)
    value = decayed(entry[0], entry[1], drafted.at, score.half_life)
    points, credited, cut_by = drafted.points, drafted.points, ""
    if points < 0 and value + points < score.floor:
        credited, cut_by = min(0.0, score.floor - value), "floor"
    elif points > 0 and score.cap is not None and value + points > score.cap:
        credited, cut_by = max(0.0, score.cap - value), "score cap"
    if abs(value + credited) < _DUST:
        credited = -value
    if abs(points - credited) < _DUST:
        cut_by = ""
    if trace is not None:
        trace.contributions.append(drafted._replace(credited=credited, cut_by=cut_by))
    entry[0], entry[1] = value + credited, drafted.at

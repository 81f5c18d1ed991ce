"""From lead ids to rows: an id whose events all belong to another lead now answers with that one, and says so."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from lead_events.api.deps import Moment, UnknownLead
from lead_events.store import leads, listing
from lead_events.store.leads import LeadRow


class Resolved(NamedTuple):
    """A lead, and the id it was asked for by if that is not its own."""

    row: LeadRow
    resolved_from: str | None


def load_lead(moment: Moment, lead_id: str) -> Resolved:
    """Return the lead that an id stands for now.

    Raises:
        UnknownLead: no lead ever had this id, or its events are not folded yet.
    """
    founding = moment.founding(lead_id)
    row = load_rows(moment, [founding]).get(founding)
    if row is None:
        raise UnknownLead
    return Resolved(row, None if row.lead.founding == founding else moment.lead_id(founding))


def load_rows(moment: Moment, foundings: Collection[int]) -> dict[int, LeadRow]:
    """Return, by the lead asked for, the row of the lead that it stands for now; unknown leads are absent."""
    generation = moment.generation
    rows = leads.load(moment.connection, generation.generation_id, set(foundings))
    emptied = [founding for founding, row in rows.items() if row.emptied]
    owners = listing.load_owners(moment.connection, emptied, generation.position)
    owning = leads.load(moment.connection, generation.generation_id, set(owners.values()))
    return rows | {founding: owning[owner] for founding, owner in owners.items() if owner in owning}

"""Lead ids: a function of log and founding position, sorted like positions, and never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_events.domain.lead_id import addressed_lead, decode_lead_id, encode_lead_id, lead_ref

LOG = b"a log for tests!"
positions = st.integers(1, 2**50 - 1)


@given(position=positions)
def test_ids_come_back(position: int) -> None:
    """What was encoded is decoded, and is 19 characters of a small alphabet."""
    text = encode_lead_id(LOG, position)
    assert decode_lead_id(LOG, text) == position
    assert len(text) == 19
    assert text.isascii()
    assert text.islower()


@given(one=positions, other=positions)
def test_ids_sort_like_positions(one: int, other: int) -> None:
    """Older leads come first, in every collation that orders digits before letters."""
    assert (encode_lead_id(LOG, one) < encode_lead_id(LOG, other)) == (one < other)


@given(position=positions)
def test_ids_of_another_log_are_strangers(position: int) -> None:
    """An id says which log gave it."""
    assert decode_lead_id(b"another log, ok!", encode_lead_id(LOG, position)) is None


@pytest.mark.parametrize(
    "text",
    ["", "ld_", "ld_zzzzzzzzzzzzzzzz", "ld_0000000001", "LD_0000000001000000", "ld_000000000١", encode_lead_id(LOG, 7).upper()],
)
def test_other_texts_are_no_ids(text: str) -> None:
    """Whatever was not given out is refused, without an error."""
    assert decode_lead_id(LOG, text) is None


@given(position=positions)
def test_every_other_check_is_refused(position: int) -> None:
    """One wrong digit is enough."""
    text = encode_lead_id(LOG, position)
    for place in range(3, len(text)):
        changed = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
        assert decode_lead_id(LOG, changed) != position


@given(position=positions)
def test_refs_address_leads(position: int) -> None:
    """A ref of a lead names it; a pseudonym names none."""
    assert addressed_lead(lead_ref(position)) == position
    assert addressed_lead(bytes(16)) is None

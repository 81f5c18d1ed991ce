"""The building blocks of event models: text, money, days, links, and what of them may be stored readable.

A field is plain unless its type carries another ``Privacy`` marker; the split itself is in ``domain/privacy``.
No event type is declared here.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from lead_events.domain.errors import InvalidInstant
from lead_events.domain.times import parse_instant

MAX_TEXT = 10_000
"""Longest free text of one field, in characters."""
MAX_URL = 8_192
"""Longest link, in characters."""


class Privacy(Enum):
    """How a declared field is stored: readable, sealed, cut to its public part, or readable only if it is a code."""

    PLAIN = "plain"
    PERSONAL = "personal"
    URL = "url"
    REASON = "reason"


class Properties(BaseModel):
    """The properties of one event type; what a model does not declare is accepted and sealed."""

    model_config = ConfigDict(
        extra="allow", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False, hide_input_in_errors=True
    )


def check_instant(text: str) -> str:
    """Let an ISO 8601 instant with an offset pass unchanged.

    Raises:
        ValueError: the text is no such instant.
    """
    try:
        parse_instant(text)
    except InvalidInstant:
        message = "write the time with an offset, like 2026-11-21T12:00:00Z"
        raise ValueError(message) from None
    return text


_AMOUNT, _CURRENCY = r"^[0-9]{1,15}(\.[0-9]{1,6})?$", r"^[A-Za-z]{3}$"
_DAY, _SHA256 = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$", r"^[0-9a-f]{64}$"
PATTERNS = {
    _AMOUNT: "write an amount with a point and no other mark, such as 1234.50; never a negative one.",
    _CURRENCY: "write the three letters of a currency, such as EUR.",
    _DAY: "write a day like 2026-11-21.",
    _SHA256: "write a SHA-256 as 64 hexadecimal digits in lower case.",
}
"""What to write where a text has a form of its own."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A short name or id that says nothing about a person: a form, a product, a campaign."""
Label = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
"""A longer public text, such as a title or the caption of a button."""
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT), Privacy.PERSONAL]
"""Free text that a person wrote or that may name one; always sealed."""
Url = Annotated[str, StringConstraints(max_length=MAX_URL), Privacy.URL]
"""A link or file name; its query is stored readable by allow list only."""
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1_000), Privacy.REASON]
"""A reason: a code such as ``too_expensive`` is stored readable, anything else is sealed as free text."""
Amount = Annotated[str, StringConstraints(pattern=_AMOUNT)]
"""An amount of money as a decimal text, never negative; JSON numbers are accepted and kept as written."""
Currency = Annotated[str, StringConstraints(to_upper=True, pattern=_CURRENCY)]
"""A currency code of ISO 4217."""
Day = Annotated[str, StringConstraints(pattern=_DAY)]
"""A calendar day, ``2026-11-21``."""
InstantText = Annotated[str, StringConstraints(max_length=64), AfterValidator(check_instant)]
"""An instant as ISO 8601 text with an offset, kept as sent."""
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""A whole number that every JSON reader can hold exactly."""
Sha256 = Annotated[str, StringConstraints(pattern=_SHA256)]
"""A SHA-256 in hexadecimal."""
Seconds = Annotated[float, Field(ge=0, le=10_000_000)]
"""A length of time in seconds."""
Percent = Annotated[float, Field(ge=0, le=100)]
"""A share between 0 and 100."""
Items = Annotated[list[dict[str, Any]], Field(max_length=100), Privacy.PERSONAL]
"""Lines of a cart or an order, as the shop writes them; sealed as a whole."""


class Offered(Properties):
    """What anything that answers to an offer may carry."""

    offer_id: Name | None = None
    promo_code: Name | None = None


class Priced(Properties):
    """What is worth money."""

    amount: Amount | None = None
    currency: Currency | None = None


def find_privacy(annotation: Any) -> Privacy:
    """Find the marker of a field's type, however deep it sits in unions.

    Returns:
        The marker, ``PLAIN`` when there is none.
    """
    for marker in getattr(annotation, "__metadata__", ()):
        if isinstance(marker, Privacy):
            return marker
    found = (find_privacy(part) for part in get_args(annotation))
    return next((privacy for privacy in found if privacy is not Privacy.PLAIN), Privacy.PLAIN)

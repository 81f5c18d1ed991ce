"""Identifiers of a person as clients write them, brought to one form each.

Which identifiers an event may carry is decided in ``wire``; who they belong to is decided in ``identity``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from lead_events.domain.errors import wrong_field
from lead_events.domain.events import Identifier, IdentifierKind

MAX_ID = 256
"""Longest anonymous, user or CRM id, in characters."""
MAX_CRM_SYSTEMS = 8
"""Most CRM systems that one event may name."""

_MAX_EMAIL = 320
_MAX_PHONE = 64
_CACHED = 16_384
_CRM_SYSTEM = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LEAD_ID = re.compile(r"ld_[A-Za-z0-9_-]{1,64}")


def normalise_id(value: object, pointer: str) -> str:
    """Bring an anonymous, user or CRM id to text; SDKs send numbers too.

    Args:
        value: a text of 1 to 256 characters or a number.
        pointer: where it stands in the event.

    Raises:
        InvalidEvent: it is anything else; a list is told that an event names one.
    """
    if type(value) is int or type(value) is float:
        value = str(value)
    if not isinstance(value, str):
        raise wrong_field(pointer, _one_of(value) or "send a text or a number.")
    if not 0 < len(value) <= MAX_ID:
        raise wrong_field(pointer, f"send 1 to {MAX_ID} characters.")
    return value


def normalise_email(value: object, pointer: str = "/traits/email") -> str:
    """Bring an e-mail address to lower case and NFC; mailbox rules of providers are not guessed.

    Raises:
        InvalidEvent: it is no e-mail address.
    """
    if not isinstance(value, str):
        raise wrong_field(pointer, _one_of(value) or "send an e-mail address.")
    found = _read_email(value.strip()) if len(value) <= _MAX_EMAIL else None
    if found is None:
        raise wrong_field(pointer, "this is not an e-mail address.")
    return found


def normalise_phone(value: object, region: str | None, pointer: str = "/traits/phone") -> str:
    """Bring a phone number to E.164.

    A number passes if its length is possible in its country. Whether its range is in use is not asked: that
    list ages with the library, and a real person's new number must not be refused.

    Args:
        value: the number as written, ``+`` and country code first unless ``region`` is given.
        region: default country of numbers without a country code, ISO 3166 alpha-2, or None.
        pointer: where it stands in the event.

    Raises:
        InvalidEvent: it is no phone number, or its country is not known.
    """
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise wrong_field(pointer, _one_of(value) or "send a phone number as a text.")
    found = _read_phone(value, region) if len(value) <= _MAX_PHONE else None
    if found is None:
        raise wrong_field(pointer, "this is not a phone number; write it like +74951234567.")
    return found


def normalise_crm_ids(value: object) -> tuple[Identifier, ...]:
    """Read ``crm_ids``, an object from the name of a CRM to the person's id in it, sorted by name.

    Raises:
        InvalidEvent: it has another shape, or names too many systems.
    """
    if not isinstance(value, dict):
        raise wrong_field("/crm_ids", 'send an object such as {"hubspot": "501"}.')
    if len(value) > MAX_CRM_SYSTEMS:
        raise wrong_field("/crm_ids", f"name at most {MAX_CRM_SYSTEMS} systems.")
    found = []
    for system in sorted(value):
        if not _CRM_SYSTEM.fullmatch(system):
            raise wrong_field("/crm_ids", "name a system with a-z, 0-9 and _, at most 32 characters, a letter first.")
        if value[system] is not None and value[system] != "":
            text = normalise_id(value[system], f"/crm_ids/{system}")
            found.append(Identifier(IdentifierKind.CRM, text, system))
    return tuple(found)


def normalise_lead_id(value: object) -> str:
    """Read a lead id as this service gave it.

    Raises:
        InvalidEvent: it does not have the shape of one.
    """
    if not isinstance(value, str) or not _LEAD_ID.fullmatch(value):
        raise wrong_field("/lead_id", "send a lead id as this service gave it, starting with ld_.")
    return value


def _one_of(value: Any) -> str | None:
    """Explain why a list is refused."""
    return "an event is about one person; send one value, not a list." if isinstance(value, list) else None


@lru_cache(_CACHED)
def _read_email(text: str) -> str | None:
    """Normalise an address, None if it is not one."""
    try:
        address = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return address.normalized.lower()


@lru_cache(_CACHED)
def _read_phone(text: str, region: str | None) -> str | None:
    """Normalise a number, None if it is not one or its country is unknown."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

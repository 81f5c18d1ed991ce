"""What of an event may be stored readable and what is sealed, and how the two are one again.

Whatever is cut or sealed here comes back through ``merge``; nothing is lost. Encryption itself is the store's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from lead_events.domain.event_types import EventType

Part = dict[str, Any]

READABLE_PARAMETERS = frozenset(
    {
        "gclid",
        "fbclid",
        "yclid",
        "msclkid",
        "ttclid",
        "li_fat_id",
        "gbraid",
        "wbraid",
        "promo",
        "promo_code",
        "coupon",
        "ref",
    }
)
"""Query parameters that stay readable, besides ``utm_*``: click ids and promo codes (docs/privacy.md)."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CACHED = 16_384


def is_readable(text: str) -> bool:
    """Tell whether a plain text is free of anything that looks like an e-mail address."""
    return "@" not in text and "%40" not in text


@lru_cache(_CACHED)
def cut_url(url: str) -> str | None:
    """Cut a link to scheme, host, path and the allowed parameters of its query.

    Returns:
        The readable part, or None when nothing of the link may be readable: ``mailto:`` and its like, an address in the path.
    """
    head, _, query = url.partition("#")[0].partition("?")
    scheme, slashes, rest = head.partition("//")
    if slashes and (not scheme or scheme.endswith(":")):
        host, slash, path = rest.partition("/")
        head = f"{scheme}//{host.rpartition('@')[2]}{slash}{path}"
    elif ":" in head:
        return None
    kept = "&".join(pair for pair in query.split("&") if _is_allowed(pair)) if query else ""
    return (f"{head}?{kept}" if kept else head) if is_readable(head) else None


def _is_allowed(pair: str) -> bool:
    """Tell whether one ``name=value`` of a query may be readable."""
    name = pair.partition("=")[0].lower()
    return (name.startswith("utm_") or name in READABLE_PARAMETERS) and is_readable(pair)


def split_properties(kind: EventType, checked: Mapping[str, Any], extra: Mapping[str, Any] | None) -> tuple[Part, Part]:
    """Divide the properties of a built-in type.

    Args:
        kind: the type, which says what its model declares plain.
        checked: the declared properties, validated; None means absent.
        extra: what the model does not declare; always sealed.

    Returns:
        The readable and the sealed properties.
    """
    plain: Part = {}
    personal: Part = dict(extra) if extra else {}
    for name, value in checked.items():
        if value is None:
            continue
        if name in kind.plain:
            _put_text(name, value, plain, personal)
        elif name in kind.urls:
            _put_url(name, value, plain, personal)
        elif name in kind.reasons and _CODE.fullmatch(value):
            plain[name] = value
        else:
            personal[name] = value
    return plain, personal


def _put_text(name: str, value: Any, plain: Part, personal: Part) -> None:
    """Put a value with the readable part, or seal it if it may hold an address."""
    texts = value if isinstance(value, list) else (value,)
    readable = all(is_readable(text) for text in texts if isinstance(text, str))
    (plain if readable else personal)[name] = value


def _put_url(name: str, value: str, plain: Part, personal: Part) -> None:
    """Put the readable part of a link with the readable part, and the whole link with the sealed one if it was cut."""
    readable = cut_url(value)
    if readable:
        plain[name] = readable
    if readable != value:
        personal[name] = value


def drop_contacts(value: Any, contacts: frozenset[str]) -> Any:
    """Leave out every text that repeats an e-mail address or phone number of the event, which live in the vault only.

    Args:
        value: a JSON value.
        contacts: the addresses and numbers as sent and as normalised, in lower case.

    Returns:
        The value without those texts; what else it holds is unchanged.
    """
    if isinstance(value, dict):
        return {key: drop_contacts(item, contacts) for key, item in value.items() if not _repeats(item, contacts)}
    if isinstance(value, list):
        return [drop_contacts(item, contacts) for item in value if not _repeats(item, contacts)]
    return value


def _repeats(value: Any, contacts: frozenset[str]) -> bool:
    """Tell whether a value is one of the event's own contacts."""
    return isinstance(value, str) and value.strip().lower() in contacts


def merge(plain: Part, personal: Mapping[str, Any]) -> Part:
    """Read an event back: lay the sealed part over the readable one, objects key by key.

    Returns:
        The whole, neither part changed; where both have a value that is no object, the sealed one wins.
    """
    if not personal:
        return plain
    merged = dict(plain)
    for name, value in personal.items():
        below = merged.get(name)
        merged[name] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def lay_over(plain: Part, personal: Mapping[str, Any]) -> None:
    """Do in place what ``merge`` does to copies, for parts just read that belong to nobody else: a third of the time."""
    for name, value in personal.items():
        below = plain.get(name)
        if type(below) is dict and type(value) is dict:
            lay_over(below, value)
        else:
            plain[name] = value

"""The context of an event - page, campaign, locale, browser - checked and divided in one pass: every event has one.

Page, campaign, library and locale are readable; everything else is sealed. The rules of dividing are in ``privacy``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lead_events.domain.errors import wrong_field
from lead_events.domain.privacy import Part, cut_url, is_readable

MAX_USER_AGENT = 1_000
"""A longer user agent from the browser's header is cut to this many characters."""

_MAX_TEXT = 1_000
_PAGE = MappingProxyType({"url": 8_192, "referrer": 8_192, "path": 8_192, "title": 2_000})
_CAMPAIGN = MappingProxyType(dict.fromkeys(("source", "medium", "campaign", "name", "term", "content", "id"), _MAX_TEXT))
_TOP = MappingProxyType({"locale": _MAX_TEXT})
_LIBRARY = MappingProxyType(dict.fromkeys(("name", "version"), _MAX_TEXT))
_LINKS = frozenset({"url", "referrer", "path"})
_INNER = MappingProxyType({"page": _PAGE, "campaign": _CAMPAIGN})


def divide_context(context: Mapping[str, Any], user_agent: str | None) -> tuple[Part, Part]:
    """Check a context and divide it.

    Args:
        context: as sent.
        user_agent: the request's own header, for a context that names none.

    Returns:
        The readable and the sealed context.

    Raises:
        InvalidEvent: a known part has another shape, or a text is too long.
    """
    plain: Part = {}
    personal: Part = {}
    rest: Part = {}
    for name, value in context.items():
        known = _INNER.get(name)
        if known is None:
            rest[name] = value
        elif isinstance(value, dict):
            inner_plain, inner_personal = _divide(value, known, f"/context/{name}")
            if inner_plain:
                plain[name] = inner_plain
            if inner_personal:
                personal[name] = inner_personal
        elif value is not None and value != "":
            raise wrong_field(f"/context/{name}", "send an object.")
    _divide_rest(rest, plain, personal)
    if user_agent and "user_agent" not in personal:
        personal["user_agent"] = user_agent[:MAX_USER_AGENT]
    return plain, personal


def _divide_rest(rest: Part, plain: Part, personal: Part) -> None:
    """Divide what is neither page nor campaign into parts that already hold those."""
    library = rest.pop("library", None)
    if isinstance(library, dict):
        rest_plain, rest_personal = _divide(library, _LIBRARY, "/context/library")
        if rest_plain:
            plain["library"] = rest_plain
        if rest_personal:
            personal["library"] = rest_personal
    elif library is not None and library != "":
        personal["library"] = library
    top_plain, top_personal = _divide(rest, _TOP, "/context")
    plain.update(top_plain)
    personal.update(top_personal)
    agent = top_personal.get("user_agent", "")
    if not isinstance(agent, str):
        raise wrong_field("/context/user_agent", "send a text.")


def _divide(part: Mapping[str, Any], known: Mapping[str, int], pointer: str) -> tuple[Part, Part]:
    """Divide one object: known texts are readable, links as far as their public part goes, the rest is sealed."""
    plain: Part = {}
    personal: Part = {}
    for name, value in part.items():
        if value is None or value == "":
            continue
        longest = known.get(name)
        if longest is None:
            personal[name] = value
            continue
        text = value if type(value) is str else _as_text(value, pointer, name)
        if len(text) > longest:
            raise wrong_field(f"{pointer}/{name}", f"send at most {longest} characters.")
        readable = cut_url(text) if name in _LINKS else (text if is_readable(text) else None)
        if readable:
            plain[name] = readable
        if readable != text:
            personal[name] = text
    return plain, personal


def _as_text(value: object, pointer: str, name: str) -> str:
    """Bring a number to text, as SDKs send campaign ids."""
    if type(value) is int or type(value) is float:
        return str(value)
    raise wrong_field(f"{pointer}/{name}", "send a text.")

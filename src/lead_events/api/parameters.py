"""Query parameters that a route does not have are refused: what is mistyped would be taken for what nobody asked.

``?definitions=`` would list everybody, and ``?dryrun=true`` would erase a person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute

from lead_events.domain.errors import InvalidInput
from lead_events.domain.findings import did_you_mean

_LONGEST = 64
_NAMES: dict[Callable[..., Any], tuple[str, ...]] = {}
"""Function of a route → the parameters it has; reading them off its dependencies costs more than most answers."""


class UnknownParameter(InvalidInput):
    """The query names a parameter that this address does not have; {0}."""


async def refuse_unknown(request: Request) -> None:
    """Let a request pass only if its route has every parameter that it names.

    Raises:
        UnknownParameter: says which one may be meant, or which there are; what was sent is not repeated.
    """
    route = request.scope.get("route")
    if not request.scope.get("query_string") or not isinstance(route, APIRoute):
        return
    known = _known(route)
    for name in request.query_params:
        if name not in known:
            near = did_you_mean(name[:_LONGEST], known)
            raise UnknownParameter(near.removesuffix("?") if near else _listed(known))


def _known(route: APIRoute) -> tuple[str, ...]:
    """Return the names of a route's parameters, which never change."""
    if route.endpoint not in _NAMES:
        fields = get_flat_params(route.dependant)
        _NAMES[route.endpoint] = tuple(field.alias for field in fields if isinstance(field.field_info, params.Query))
    return _NAMES[route.endpoint]


def _listed(known: tuple[str, ...]) -> str:
    return f"it has {', '.join(known)}" if known else "it has none"

"""Applications of tests that share what FastAPI makes of a router: it is the same each time, and most of a short test's time."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

_INCLUDED: dict[int, BaseRoute] = {}


class SharingApplication(FastAPI):
    """An ordinary application, with its own state and handlers, whose routers are included once in the process."""

    def include_router(self, router: APIRouter, *_: Any, **__: Any) -> None:
        """Include a router of a module as it is, without options."""
        self.router.routes.append(_included(router))


def _included(router: APIRouter) -> BaseRoute:
    """Return the route of a router, which lives as long as its module and so keeps its identity."""
    if id(router) not in _INCLUDED:
        maker = FastAPI()
        maker.include_router(router)
        _INCLUDED[id(router)] = maker.router.routes[-1]
    return _INCLUDED[id(router)]

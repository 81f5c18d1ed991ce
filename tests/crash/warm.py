"""Imported once, by the process from which commands are forked: what every start would do again, a second of CPU each time.

Only the routes of the API and their description are taken from here, which no crash can touch. Never imported by a test.
"""

from __future__ import annotations

from typing import Any

import phonenumbers
import psycopg
import uvicorn.lifespan.on
import uvicorn.loops.auto
import uvicorn.protocols.http.httptools_impl
from fastapi import FastAPI

from lead_events.api import openapi
from lead_events.app import asgi
from lead_events.cli import generations, serve
from lead_events.store.engine import safe_sqlite
from tests.crash import consumer, dying

_API = asgi._bare_api()
_DESCRIPTION = openapi.describe(_API)

__all__ = ["consumer", "dying", "generations", "phonenumbers", "psycopg", "serve", "uvicorn"]


def _describe(app: FastAPI) -> dict[str, Any]:
    return _DESCRIPTION


openapi.describe = _describe
asgi._bare_api = lambda: _API  # a forked process makes one application, and this one is its own
safe_sqlite()

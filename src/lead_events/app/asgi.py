"""The service as it answers HTTP: everything that it is made of is wired here, from settings, once.

No rule and no SQL here; whoever looks for what a request does goes to ``api``.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

import lead_events
from lead_events.api import (
    access_log,
    changes,
    companies,
    consent,
    docs,
    erasing,
    health,
    leads,
    lookup,
    me,
    merge_candidates,
    merging,
    metrics,
    near_misses,
    openapi,
    overrides,
    parked,
    personal_data,
    preview,
    problems,
    quarantine,
    request_log,
    research,
    scores,
    timeline,
    traits,
)
from lead_events.api import approvals as approvals_api
from lead_events.api import backtest as backtest_api
from lead_events.api import generations as generations_api
from lead_events.api import lists as lists_api
from lead_events.api import models as models_api
from lead_events.api.bounded import bound
from lead_events.api.door import Door, DoorLimits, mount
from lead_events.api.generations import GenerationActions
from lead_events.api.health import Readiness
from lead_events.api.metrics import CountingWriter, Metrics
from lead_events.app import describe_opening, erasure_ledger, open_vault
from lead_events.domain.errors import LeadEventsError, Unavailable
from lead_events.domain.signals import PrivacySignals
from lead_events.projections import backtesting, previewing, promotion, replay
from lead_events.projections.estimating import estimate
from lead_events.projections.projector import Models
from lead_events.projections.promotion import Announce
from lead_events.settings import Settings
from lead_events.store.api_keys import KeyRing
from lead_events.store.reads import ReadLog
from lead_events.store.vault import Vault

_DRAIN_SECONDS = 8.0
_COLLECT_EVERY = 20_000
"""Objects; a request makes few cycles, but thousands of objects, and looking for cycles took a tenth of an explanation."""
_VAULTLESS = (LeadEventsError, SQLAlchemyError, LookupError)

ROUTERS = (
    me.router,
    lookup.router,  # before /v1/leads/{lead_id}, which would take its address
    near_misses.router,  # likewise
    leads.router,
    traits.router,
    consent.router,
    research.router,
    personal_data.router,
    access_log.router,
    overrides.router,
    merging.router,
    merge_candidates.router,
    erasing.router,
    companies.router,
    timeline.router,
    scores.router,
    parked.router,
    quarantine.router,
    docs.router,
    health.router,
    metrics.router,
    backtest_api.router,
    models_api.router,
    lists_api.router,
    approvals_api.router,
    preview.router,
    generations_api.router,
    changes.router,
)
"""Every router of the API; a new resource is one line here."""


@dataclass(frozen=True, slots=True)
class Application:
    """What is served, and the switch that tells load balancers to stop sending.

    Attributes:
        asgi: the whole service.
        readiness: set ``closing`` on it before shutting down.
    """

    asgi: ASGIApp
    readiness: Readiness


def create_app(settings: Settings, engine: Engine) -> Application:
    """Wire the service; it serves health and docs even while the operator has something to do first."""
    readiness = Readiness(engine, queue_events=settings.queue_events)
    counted = Metrics()
    api = _create_api(settings, engine, readiness, counted)
    try:
        vault = open_vault(settings, engine)
    except _VAULTLESS as error:
        known = isinstance(error, LeadEventsError)
        readiness.problems.append(str(error) if known else "The log cannot be opened; run: ./lead-events migrate")
        return Application(request_log.watch(_closed(api), counted), readiness)
    writer = CountingWriter(engine, vault, queue_events=settings.queue_events)
    writer.count(counted)
    readiness.writer = api.state.writer = writer
    api.state.vault = vault
    api.state.erasure_ledger = erasure_ledger(settings)
    api.state.generation_actions = generation_actions(engine, vault)
    opening = describe_opening(settings)
    api.state.preview = partial(previewing.preview, engine, vault, opening=opening)
    api.state.backtest = partial(backtesting.run_apart, opening, engine, vault)
    signals = PrivacySignals(settings.privacy_signals)
    door = Door(
        writer,
        api.state.keys,
        limits=_limits(settings),
        phone_region=settings.phone_region,
        privacy_signals=signals,
        noted=request_log.of_door(counted),
    )
    return Application(mount(door, request_log.watch(bound(api, api.state.keys), counted)), readiness)


def generation_actions(engine: Engine, vault: Vault) -> GenerationActions:
    """Return what the routes of generations can ask the projections for."""
    compiled = Models(engine)
    return GenerationActions(
        begin=lambda number: replay.begin(engine, number),
        promote=lambda generation_id, announce, without_approval: promotion.promote(
            engine, vault, generation_id, compiled, announce=Announce(announce), without_approval=without_approval
        ),
        rollback=lambda announce: promotion.rollback(engine, vault, compiled, announce=Announce(announce)),
        estimate=estimate,
    )


def describe_api() -> dict[str, Any]:
    """Return the OpenAPI description, without any database."""
    return openapi.describe(_bare_api())


def _bare_api() -> FastAPI:
    api = FastAPI(
        title="lead-events",
        version=lead_events.__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=_run_writer,
        generate_unique_id_function=openapi.short_name,
        redirect_slashes=False,
    )
    for router in ROUTERS:
        api.include_router(router)
    problems.install(api)
    return api


def _create_api(settings: Settings, engine: Engine, readiness: Readiness, counted: Metrics) -> FastAPI:
    api = _bare_api()
    # Described when first asked for: it would be most of the time that a start takes.
    api.openapi = lru_cache(lambda: openapi.describe(api))  # type: ignore[method-assign]
    api.state.engine = engine
    api.state.public_url = settings.public_url
    api.state.phone_region = settings.phone_region
    api.state.keys = KeyRing(engine)
    api.state.readiness = readiness
    api.state.metrics = counted
    api.state.writer = api.state.vault = None
    api.state.reads = ReadLog(engine)
    counted.watch(lambda: readiness.writer.stats if readiness.writer else None, readiness.measure_lag)
    return api


@asynccontextmanager
async def _run_writer(api: FastAPI) -> AsyncIterator[None]:
    """Start the writer with the service, and let it finish what it accepted."""
    writer: CountingWriter | None = api.state.writer
    reads: ReadLog = api.state.reads
    if writer is not None:
        writer.start()
        reads.start()
    # What a process is made of stays: walking it in every full collection took as long as folding a thousand events.
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, 20, 50)
    yield
    if writer is not None:
        drains = (asyncio.to_thread(each.drain, _DRAIN_SECONDS) for each in (writer, reads))
        await asyncio.gather(*drains)
    api.state.engine.dispose()


def _closed(api: FastAPI) -> ASGIApp:
    """Answer everything under ``/v1`` with 503 until the operator did what ``readyz`` says."""
    refused = problems.problem(Unavailable("The service is not ready; its operator sees why under /readyz."))

    async def closed(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            headers = {**refused.headers, "content-type": problems.PROBLEM_JSON}
            raw = [(name.encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": refused.status, "headers": raw})
            await send({"type": "http.response.body", "body": refused.content})
        else:
            await api(scope, receive, send)

    return closed


def _limits(settings: Settings) -> DoorLimits:
    return DoorLimits(
        body_seconds=settings.request_seconds * 0.9,
        address_rate=settings.address_rate,
        address_burst=settings.address_burst,
        key_rate=settings.key_rate,
        key_burst=settings.key_burst,
        trusted_proxies=settings.trusted_proxies,
    )

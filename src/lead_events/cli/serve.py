"""``serve`` and ``worker``: start the service, or its projector alone, which needs nothing of the API."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import click
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from lead_events import app, logs, serving
from lead_events.cli import welcome
from lead_events.cli.opening import load_settings, saying_outages
from lead_events.domain.errors import LeadEventsError, Misconfigured
from lead_events.projections import worker as projecting
from lead_events.projections.projector import Step
from lead_events.settings import Settings, find_unknown
from lead_events.store import migrate
from lead_events.transfer.judging import collect_seldom

if TYPE_CHECKING:
    from lead_events.app.asgi import Application

_FAILED = 1
_logger = structlog.get_logger("lead_events.worker")


@click.command()
@click.option("--upgrade", is_flag=True, help="Bring an older database to this version's schema first.")
@click.option("--host", help="The address to listen on.  [default: LEAD_EVENTS_HOST or 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port.  [default: LEAD_EVENTS_PORT or 8000]")
@click.option("--no-projector", is_flag=True, help="Fold nothing here: a worker does it elsewhere.")
def serve(*, upgrade: bool, host: str | None, port: int | None, no_projector: bool) -> None:
    """Serve the API, its docs and the live projector."""
    from lead_events.app import asgi

    settings = load_settings(host=host, port=port)
    logs.configure(settings.log_level)
    _warn_of_unknown()
    listener = serving.listen(settings.host, settings.port)
    engine = _open(settings, upgrade=upgrade)
    founded = _found(settings, engine)
    made = welcome.create_first_keys(engine) if founded else None
    application = asgi.create_app(settings, engine)
    supervisor = None if no_projector or application.readiness.problems else _supervisor()
    address = settings.public_url or welcome.address(settings.host, listener.getsockname()[1])
    server = serving.Server(
        serving.configure(
            application.asgi,
            _protocol(settings),
            shutdown_seconds=settings.shutdown_seconds,
            log_level="warning",
        ),
        shutdown_seconds=settings.shutdown_seconds,
        on_started=lambda: welcome.greet_soon(
            engine, address, made, application.readiness.problems, folding=supervisor is not None
        ),
        on_closing=lambda: _close(application),
    )
    if supervisor is not None:
        supervisor.start()
    collect_seldom()
    try:
        server.run(sockets=[listener])
    finally:
        if supervisor is not None:
            supervisor.stop()
    _logger.info("stopped")
    sys.stdout.flush()


@click.command()
@click.option("--upgrade", is_flag=True, help="Bring an older database to this version's schema first.")
@click.option("--until-stdin-ends", is_flag=True, hidden=True)
def worker(*, upgrade: bool, until_stdin_ends: bool) -> None:
    """Run the projector and the builds of generations alone; several at once are safe."""
    settings = load_settings()
    logs.configure(settings.log_level)
    stop = threading.Event()
    serving.stop_on_signals(stop)
    if until_stdin_ends:
        serving.stop_with_parent(stop)
    engine = _open(settings, upgrade=upgrade)
    vault = app.open_vault(settings, engine)
    _logger.debug("worker_started")
    collect_seldom()
    try:
        opening = app.describe_opening(settings)
        periods = app.periods(settings) if settings.retention == "on" else None
        projecting.run(
            opening,
            engine,
            vault,
            stop,
            page_events=settings.page_events,
            report=_report,
            periods=periods,
            ledger=app.erasure_ledger(settings),
        )
    except (SQLAlchemyError, LeadEventsError) as error:
        _logger.error("worker_failed", error=type(error).__name__)  # noqa: TRY400 - a driver's words may quote values
        sys.exit(_FAILED)
    finally:
        engine.dispose()
    _logger.debug("worker_stopped")


def _open(settings: Settings, *, upgrade: bool) -> Engine:
    """Open the database, and let an older schema pass only after its upgrade."""
    engine = app.open_database(settings)
    with saying_outages():
        if upgrade:
            migrate.upgrade(engine)
        migrate.refuse(engine)
    return engine


def _found(settings: Settings, engine: Engine) -> bool:
    """Create the log if it can be; without a master key the service starts all the same, and ``readyz`` says why not."""
    try:
        app.found(settings, engine)
    except Misconfigured as error:
        _logger.error("not_ready", reason=str(error))  # noqa: TRY400 - one line is the whole story
        return False
    return True


def _supervisor() -> serving.Supervisor:
    command = [sys.executable, "-m", "lead_events", "worker", "--until-stdin-ends"]
    return serving.Supervisor(command, dict(os.environ))


def _protocol(settings: Settings) -> type:
    from lead_events.api.slow_clients import ImpatientProtocol

    return type("Protocol", (ImpatientProtocol,), {"patience_seconds": settings.request_seconds})


def _close(application: Application) -> None:
    application.readiness.closing = True
    _logger.info("stopping")


def _report(step: Step) -> None:
    write = _logger.info if step.events or step.leads else _logger.debug  # an idle log ticks every second
    write("step", events=step.events, leads=step.leads, position=step.position)


def _warn_of_unknown() -> None:
    for name in find_unknown(os.environ):
        _logger.warning("unknown_setting", variable=name)

"""The PyPI library ``eventsourcing`` on SQLite: append, read and fold into a dict, and a stored projection with tracking.

Its own recorders with their default settings; 1 000 aggregates; one event with five text fields. Not a dependency of ours.
"""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from typing import Any

_domain: Any = import_module("eventsourcing.domain")
_application: Any = import_module("eventsourcing.application")
_persistence: Any = import_module("eventsourcing.persistence")
_sqlite: Any = import_module("eventsourcing.sqlite")

_VISITORS = 1_000
_PER_SAVE = 500
_PER_PAGE = 1_000
_VIEW = "CREATE TABLE views (visitor TEXT PRIMARY KEY, views INTEGER NOT NULL, score INTEGER NOT NULL) WITHOUT ROWID"
_UPSERT = "INSERT INTO views VALUES (?, 1, 5) ON CONFLICT (visitor) DO UPDATE SET views = views + 1, score = score + 5"


class Visitor(_domain.Aggregate):  # type: ignore[misc]
    """One visitor."""

    class Viewed(_domain.Aggregate.Event):  # type: ignore[misc]
        """A page was viewed."""

        url: str
        path: str
        title: str
        referrer: str
        campaign: str

    def view(self, number: int) -> None:
        """View a page."""
        path = f"/page-{number % 977}"
        self.trigger_event(
            self.Viewed,
            url=f"https://shop.example{path}",
            path=path,
            title=f"Page {number % 977}",
            referrer="https://search.example/",
            campaign="spring",
        )


def measure(folder: Path, events: int, projected: int) -> dict[str, float]:
    """Return events per second of each of the three."""
    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "eventsourcing.db")}
    app = _application.Application(env)
    return {"append": _append(app, events), "fold": _fold(app), "projection": _project(app, folder, projected)}


def _append(app: Any, events: int) -> float:
    visitors = [Visitor() for _ in range(_VISITORS)]
    app.save(*visitors)
    begun = time.perf_counter()
    for start in range(0, events, _PER_SAVE):
        some = [visitors[(start + number) % _VISITORS] for number in range(_PER_SAVE)]
        for number, visitor in enumerate(some, start):
            visitor.view(number)
        app.save(*some)
    return -(-events // _PER_SAVE) * _PER_SAVE / (time.perf_counter() - begun)


def _fold(app: Any) -> float:
    scores: dict[Any, list[int]] = {}
    folded, start = 0, 1
    begun = time.perf_counter()
    while page := app.recorder.select_notifications(start=start, limit=_PER_PAGE):
        for notification in page:
            event = app.mapper.to_domain_event(notification)
            if isinstance(event, Visitor.Viewed):
                view = scores.setdefault(event.originator_id, [0, 0])
                view[0] += 1
                view[1] += 5
        folded += len(page)
        start = page[-1].id + 1
    return folded / (time.perf_counter() - begun)


def _project(app: Any, folder: Path, events: int) -> float:
    datastore = _sqlite.SQLiteDatastore(str(folder / "projection.db"))
    recorder = _sqlite.SQLiteTrackingRecorder(datastore)
    recorder.create_table()
    with datastore.transaction(commit=True) as cursor:
        cursor.execute(_VIEW)
    done, start = 0, _VISITORS + 1
    begun = time.perf_counter()
    while done < events and (page := app.recorder.select_notifications(start=start, limit=_PER_SAVE)):
        for notification in page:
            event = app.mapper.to_domain_event(notification)
            with datastore.transaction(commit=True) as cursor:
                cursor.execute(_UPSERT, (str(event.originator_id),))
                tracking = _persistence.Tracking("bench", notification.id)
                recorder._insert_tracking(cursor, tracking)  # noqa: SLF001 - what the library's docs tell projections to call
        done += len(page)
        start = page[-1].id + 1
    return done / (time.perf_counter() - begun)

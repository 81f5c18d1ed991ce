"""``GET /metrics`` for Prometheus: what came in, what waits, how far the projector is.

Numbers and names of our own only: no path, key, address or value of a client becomes a label.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lead_events.store.lag import Lag
from lead_events.store.log import Outcome
from lead_events.store.waiting import Result, Results, Waiting, split
from lead_events.store.writer import Writer, WriterStats

_REJECTED = "rejected"
_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

router = APIRouter()


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter that nobody asks for
        self.registry = CollectorRegistry()
        self.events = Counter(
            "lead_events_events",
            "Events that reached the log's writer, by what became of them.",
            ["source", "outcome"],
            registry=self.registry,
        )
        self.requests = Counter(
            "lead_events_requests", "HTTP requests answered.", ["route", "method", "status"], registry=self.registry
        )
        # The library checks names and values at every look-up, under a lock; these are few.
        self._events_of = cache(lambda source_id, outcome: self.events.labels(str(source_id), outcome))
        self._requests_of = cache(lambda route, method, status: self.requests.labels(route, method, str(status)))
        self.commit = Histogram(
            "lead_events_commit_seconds",
            "Seconds from handing events to the writer until they are durable.",
            buckets=_COMMIT_BUCKETS,
            registry=self.registry,
        )

    def watch(self, stats: Callable[[], WriterStats | None], lag: Callable[[], Lag | None]) -> None:
        """Ask for what is only true at the moment, whenever Prometheus asks.

        Args:
            stats: the writer's numbers, None when there is no writer.
            lag: the live generation's distance from the log, None when it cannot be known.
        """
        self.registry.register(_Moment(stats, lag))

    def count_results(self, source_id: int, results: Sequence[Result]) -> None:
        """Count what became of events of one source."""
        outcomes = [result.kept.value if isinstance(result, Outcome) else _REJECTED for result in results]
        for outcome in set(outcomes):
            self._events_of(source_id, outcome).inc(outcomes.count(outcome))

    def count_request(self, route: str, method: str, status: int) -> None:
        """Count an answer."""
        self._requests_of(route, method, status).inc()


class CountingWriter(Writer):
    """A writer that counts and times what event loops submitted, commit by commit: once a request cost a tenth of the loop."""

    def count(self, metrics: Metrics) -> None:
        """Count into these metrics from now on."""
        self._metrics = metrics

    def _count(self, batch: Sequence[Waiting], results: Results) -> None:
        super()._count(batch, results)
        now = time.monotonic()
        told: dict[int, list[Result]] = {}
        for waiting, own in split(batch, results):
            self._metrics.commit.observe(now - waiting.since)
            told.setdefault(waiting.arrivals[0].source_id, []).extend(own)
        for source_id, some in told.items():
            self._metrics.count_results(source_id, some)


class _Moment(Collector):
    """Gauges that are read when asked."""

    def __init__(self, stats: Callable[[], WriterStats | None], lag: Callable[[], Lag | None]) -> None:
        self._stats = stats
        self._lag = lag

    def describe(self) -> Iterable[Metric]:
        """Name the gauges without reading them."""
        return [gauge for gauge, _ in _gauges(None, None)]

    def collect(self) -> Iterable[Metric]:
        """Read the gauges."""
        for gauge, value in _gauges(self._stats(), self._lag()):
            if value is not None:
                gauge.add_metric([], value)
                yield gauge


def _gauges(stats: WriterStats | None, lag: Lag | None) -> list[tuple[GaugeMetricFamily, float | None]]:
    named: dict[str, tuple[str, float | None]] = {
        "lead_events_queue_events": ("Events that wait for their commit.", stats.queued if stats else None),
        "lead_events_commits": ("Commits of the writer since the start.", stats.batches if stats else None),
        "lead_events_log_position": ("The end of the log.", lag.position if lag else None),
        "lead_events_projector_lag_events": ("Events accepted and not folded yet.", lag.events if lag else None),
        "lead_events_projector_lag_seconds": ("Age of the oldest event that is not folded yet.", lag.seconds if lag else None),
        "lead_events_parked_leads": ("Leads whose fold failed and that wait for an operator.", lag.parked if lag else None),
    }
    return [(GaugeMetricFamily(name, text), value) for name, (text, value) in named.items()]


@router.get("/metrics", include_in_schema=False)
def read_metrics(request: Request) -> Response:
    """Write the metrics in the text format of Prometheus."""
    metrics: Metrics = request.app.state.metrics
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

"""What the ingestor counts, in Prometheus' words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from solarrally.errors import SettingsError
from solarrally.ingest.fates import Fate, FateCount


class IngestCollector(Collector):
    """Reads the counts when it is scraped, so that counting costs the hot path an integer."""

    def __init__(
        self, counts: FateCount, *, waiting: Callable[[], int], is_connected: Callable[[], bool]
    ) -> None:
        self._counts = counts
        self._waiting = waiting
        self._is_connected = is_connected

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        yield CounterMetricFamily(
            "solarrally_messages_delivered", "Messages taken from the broker.", counts.delivered
        )
        fates = CounterMetricFamily(
            "solarrally_messages", "Messages by what became of them.", labels=["fate"]
        )
        for fate in Fate:
            fates.add_metric([fate.value], counts.fates[fate])
        yield fates
        reasons = CounterMetricFamily(
            "solarrally_rejected", "Rejected messages and parts by reason.", labels=["reason"]
        )
        for reason, count in sorted(counts.reasons.items()):
            reasons.add_metric([reason], count)
        yield reasons
        for name, text, value in (
            ("readings_stored", "Readings that were new.", counts.readings_stored),
            ("readings_duplicate", "Readings that were stored before.", counts.readings_duplicate),
            ("readings_late", "New readings older than the newest of their connector.", counts.readings_late),
            (
                "readings_distrusted_clock",
                "Readings whose device clock was not believed.",
                counts.readings_distrusted_clock,
            ),
            ("readings_implausible", "Readings that are physically impossible.", counts.readings_implausible),
            (
                "reading_conflicts_unexplained",
                "Readings thought new that were there: two writers?",
                counts.conflicts_unexplained,
            ),
            ("unknown_fields", "Fields of telemetry that nobody reads.", counts.unknown_fields),
            ("batches", "Committed batches.", counts.batches),
            ("batch_retries", "Attempts that the database did not take.", counts.batch_retries),
            (
                "sessions_refolded",
                "Sessions derived again because of late readings.",
                counts.sessions_refolded,
            ),
        ):
            yield CounterMetricFamily(f"solarrally_{name}", text, value)
        yield GaugeMetricFamily(
            "solarrally_messages_waiting", "Messages received and not yet taken.", self._waiting()
        )
        yield GaugeMetricFamily(
            "solarrally_broker_connected", "1 while connected.", int(self._is_connected())
        )


def serve_metrics(port: int, collector: Collector) -> Callable[[], None]:
    """Answer Prometheus on 127.0.0.1; returns what stops it."""
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise SettingsError(
            f"SOLARRALLY_METRICS_PORT: nothing can listen on 127.0.0.1:{port}: {error}"
        ) from error

    def stop() -> None:
        server.shutdown()
        thread.join(timeout=5)

    return stop

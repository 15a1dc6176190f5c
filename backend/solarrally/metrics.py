"""What the ingestor counts, in Prometheus' words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from solarrally.domain.alert import AlertKind
from solarrally.domain.command import CommandStatus
from solarrally.ingest.fates import Fate, FateCount, Histogram
from solarrally.ingest.figures import IngestFigures, SourceFigures

_READINGS = {
    "readings_stored": "Readings that were new.",
    "readings_duplicate": "Readings that were stored before.",
    "readings_late": "New readings older than the newest of their connector.",
    "readings_late_not_folded": "Late readings from before the raw horizon, without effect on sessions.",
    "readings_distrusted_clock": "Readings whose device clock was not believed.",
    "readings_implausible": "Readings that are physically impossible.",
    "sessions_refolded": "Sessions derived again because of late readings.",
    "unknown_fields": "Fields of telemetry that nobody reads.",
    "batch_retries": "Attempts that the database did not take.",
    "confirmations": "Acknowledgements sent to devices that number their messages.",
    "rollups": "Quarters of an hour computed.",
}


class IngestCollector(Collector):
    """Reads the counts when it is scraped, so that counting costs the hot path an integer."""

    def __init__(self, pipeline: IngestFigures, broker: SourceFigures, now: Callable[[], datetime]) -> None:
        self._pipeline = pipeline
        self._broker = broker
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield from _messages(self._pipeline.counts)
        for name, text in _READINGS.items():
            yield CounterMetricFamily(f"solarrally_{name}", text, getattr(self._pipeline.counts, name))
        yield CounterMetricFamily(
            "solarrally_reading_conflicts_unexplained",
            "Readings thought new that were there, which no redelivery explains: two writers?",
            self._pipeline.counts.conflicts_unexplained,
        )
        yield from self._batches()
        yield from self._waiting()
        yield from self._connections()
        yield from _commands(self._pipeline.counts)
        yield _alerts(self._pipeline)

    def _batches(self) -> Iterator[Metric]:
        counts = self._pipeline.counts
        yield CounterMetricFamily("solarrally_batches", "Committed batches.", counts.batches)
        yield _histogram("solarrally_batch_messages", "Messages of a batch.", counts.batch_sizes)
        yield _histogram(
            "solarrally_commit_seconds", "From a batch's first statement to its commit.", counts.commit_s
        )

    def _waiting(self) -> Iterator[Metric]:
        pipeline = self._pipeline
        oldest = pipeline.oldest_received_at
        for name, text, value in (
            ("messages_waiting", "Messages received and not yet taken.", self._broker.waiting),
            ("messages_gathered", "Messages taken, for the next batch.", len(pipeline.gathering)),
            (
                "oldest_waiting_seconds",
                "Age of the oldest message received and not yet committed.",
                0.0 if oldest is None else max(0.0, (self._now() - oldest).total_seconds()),
            ),
            ("parked_messages", "Messages of floods that wait in the database.", pipeline.parking.waiting),
            ("parked_stations", "Stations whose messages wait there.", pipeline.parking.stations),
            ("stations", "Stations in memory.", pipeline.stations),
            (
                "stations_to_renew",
                "Stations whose last certificate ends within 30 days.",
                pipeline.stations_to_renew,
            ),
        ):
            yield GaugeMetricFamily(f"solarrally_{name}", text, value)

    def _connections(self) -> Iterator[Metric]:
        broker, pipeline = self._broker, self._pipeline
        for name, text, value in (
            ("broker_connected", "1 while connected.", int(broker.listening_since is not None)),
            ("leading", "1 for the ingestor at work, 0 for a standby.", int(pipeline.is_leading)),
            (
                "database_ok",
                "0 while the database does not take what it is given.",
                int(pipeline.is_store_ok),
            ),
        ):
            yield GaugeMetricFamily(f"solarrally_{name}", text, value)
        for name, text, value in (
            ("broker_reconnects", "Connections to the broker after the first.", broker.reconnects),
            (
                "broker_protocol_errors",
                "Connections given up over malformed packets.",
                broker.protocol_errors,
            ),
            (
                "broker_received_messages",
                "Messages received, redelivered ones too.",
                broker.received_messages,
            ),
            ("broker_received_bytes", "Bytes received.", broker.received_bytes),
            (
                "broker_messages_dropped",
                "Messages of QoS 0 that came while there was no room for them.",
                broker.messages_dropped,
            ),
            ("publishes_dropped", "Acknowledgements to devices dropped.", broker.publishes_dropped),
        ):
            yield CounterMetricFamily(f"solarrally_{name}", text, value)
        yield _certificate_ends(broker)


def _messages(counts: FateCount) -> Iterator[Metric]:
    """delivered + formed + unparked = the sum of all fates + parked + what is in hand."""
    yield CounterMetricFamily(
        "solarrally_messages_delivered", "Messages taken from the broker.", counts.delivered
    )
    yield CounterMetricFamily(
        "solarrally_messages_formed",
        "Messages made of others: what a device with a topic for each value said within a second.",
        counts.moments,
    )
    yield CounterMetricFamily(
        "solarrally_messages_parked", "Messages put into the parking table.", counts.parked
    )
    yield CounterMetricFamily("solarrally_messages_unparked", "Messages taken from it.", counts.unparked)
    fates = CounterMetricFamily("solarrally_messages", "Messages by what became of them.", labels=["fate"])
    for fate in Fate:
        fates.add_metric([fate.value], counts.fates[fate])
    yield fates
    reasons = CounterMetricFamily(
        "solarrally_rejected", "Rejected messages and parts by reason.", labels=["reason"]
    )
    for reason, count in sorted(counts.reasons.items()):
        reasons.add_metric([reason], count)
    yield reasons


def _commands(counts: FateCount) -> Iterator[Metric]:
    changes = CounterMetricFamily(
        "solarrally_commands", "Commands to stations by the status they came to.", labels=["status"]
    )
    for status in CommandStatus:
        if status not in (CommandStatus.PENDING, CommandStatus.CANCELLED):  # those are the API's
            changes.add_metric([status.value], counts.commands[status.value])
    yield changes
    yield CounterMetricFamily(
        "solarrally_command_results_without_effect",
        "Answers of stations to commands that had ended, or that say what was known.",
        counts.results_without_effect,
    )
    yield CounterMetricFamily(
        "solarrally_command_dispatch_failures",
        "Times that the sending of commands began anew for a reason that nobody expected: see the log.",
        counts.command_failures,
    )


def _certificate_ends(broker: SourceFigures) -> GaugeMetricFamily:
    """Without TLS: none."""
    ends = GaugeMetricFamily(
        "solarrally_broker_certificate_not_after_seconds",
        "When a certificate that the connection to the broker needs ends, in seconds since 1970.",
        labels=["certificate"],
    )
    for certificate, ends_at in broker.certificate_ends.items():
        ends.add_metric([certificate], ends_at.timestamp())
    return ends


def _alerts(pipeline: IngestFigures) -> GaugeMetricFamily:
    """Of a standby: none. It reviews nothing."""
    alerts = GaugeMetricFamily(
        "solarrally_alerts_unresolved", "Alerts that nobody resolved and that last.", labels=["kind"]
    )
    for kind in AlertKind:
        alerts.add_metric([kind.value], pipeline.unresolved_alerts.get(kind, 0))
    return alerts


def _histogram(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
    bounds = [*map(str, histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.total)

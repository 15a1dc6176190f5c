"""What an ingestor that shares a stream counts: as every other, all its shards together; and by shard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from solarrally.domain.alert import AlertKind
from solarrally.ingest.fates import FateCount
from solarrally.ingest.figures import ParkingFigures
from solarrally.ingest.recovery import Recovery
from solarrally.ingest.stream_ingest import StreamIngest
from solarrally.metrics import IngestCollector
from solarrally.monitor import Readiness


@dataclass(slots=True, frozen=True)
class _Parked:
    waiting: int
    stations: int


class WayOut(Protocol):
    """The connection that devices are answered by: a stream is only read."""

    publishes_dropped: int
    certificate_ends: Mapping[str, datetime]


class StreamFigures:
    """`ingest.figures.IngestFigures` and `SourceFigures` of all shards that are ours."""

    reconnects = protocol_errors = messages_dropped = 0
    """A stream has no connection that could be lost: see the reads of it that failed."""

    def __init__(self, ingest: StreamIngest, way_out: WayOut) -> None:
        self.counts: FateCount = ingest.counts
        self._ingest = ingest
        self._way_out = way_out

    @property
    def is_leading(self) -> bool:
        """Whether any shard is ours, or the care for the fleet."""
        return self._ingest.is_leading or any(work.pipeline.is_leading for work in self._ingest.work)

    @property
    def is_store_ok(self) -> bool:
        return self._ingest.view is not None and all(work.pipeline.is_store_ok for work in self._ingest.work)

    @property
    def oldest_received_at(self) -> datetime | None:
        return self._ingest.oldest_received_at

    @property
    def stations(self) -> int:
        return sum(work.pipeline.stations for work in self._ingest.work)

    @property
    def stations_to_renew(self) -> int:
        return self._ingest.stations_to_renew

    @property
    def unresolved_alerts(self) -> Mapping[AlertKind, int]:
        return self._ingest.unresolved_alerts

    @property
    def gathering(self) -> Sized:
        return range(sum(len(work.pipeline.gathering) for work in self._ingest.work))

    @property
    def parking(self) -> ParkingFigures:
        parkings = [work.pipeline.parking for work in self._ingest.work]
        return _Parked(
            sum(one.waiting for one in parkings),
            sum(one.stations for one in parkings),
        )

    @property
    def listening_since(self) -> datetime | None:
        """Since when all shards of ours are read to their ends; without any, while the stream answers."""
        if not self._ingest.is_stream_ok:
            return None
        sinces = [work.source.listening_since for work in self._ingest.work]
        known = [since for since in sinces if since is not None]
        if len(known) < len(sinces):
            return None
        return max(known, default=datetime.min.replace(tzinfo=UTC))

    @property
    def waiting(self) -> int:
        return sum(work.source.waiting for work in self._ingest.work)

    @property
    def received_messages(self) -> int:
        return self._ingest.counted("received_messages")

    @property
    def received_bytes(self) -> int:
        return self._ingest.counted("received_bytes")

    @property
    def publishes_dropped(self) -> int:
        return self._way_out.publishes_dropped

    @property
    def certificate_ends(self) -> Mapping[str, datetime]:
        return self._way_out.certificate_ends


class StreamCollector(Collector):
    """Everything that `IngestCollector` tells, and how the stream is shared and read."""

    def __init__(
        self,
        ingest: StreamIngest,
        figures: StreamFigures,
        recovery: Recovery | None,
        now: Callable[[], datetime],
    ) -> None:
        self._ingest = ingest
        self._recovery = recovery
        self._common = IngestCollector(figures, figures, now)

    def collect(self) -> Iterator[Metric]:
        yield from self._common.collect()
        yield from self._sharing()
        yield from self._reading()
        if self._recovery is not None:
            yield CounterMetricFamily(
                "solarrally_failed_actions_recovered",
                "Messages of failed rule actions that were taken up again.",
                self._recovery.recovered,
            )
            rejected = CounterMetricFamily(
                "solarrally_failed_actions_rejected",
                "Entries of that queue that could not be used, by reason.",
                labels=["reason"],
            )
            for reason, count in sorted(self._recovery.rejected.items()):
                rejected.add_metric([reason], count)
            yield rejected

    def _sharing(self) -> Iterator[Metric]:
        ingest = self._ingest
        view = ingest.view
        held = frozenset[str]() if view is None else view.held
        for name, text, value in (
            ("stream_members", "Ingestors that share the stream.", 0 if view is None else view.members),
            ("shards_ready", "Shards whose turn it is.", len(ingest.ready)),
            ("shards_owned", "Shards that this ingestor reads.", len(ingest.work)),
            (
                "shards_unread",
                "Shards whose turn it is and that nobody reads.",
                sum(shard.shard_id not in held for shard in ingest.ready),
            ),
            ("fleet_care", "1 for the ingestor that cares for the whole fleet.", int(ingest.is_leading)),
        ):
            yield GaugeMetricFamily(f"solarrally_{name}", text, value)

    def _reading(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily(
            "solarrally_shard_lag_seconds",
            "How far the last read of a shard of ours was from its end.",
            labels=["shard"],
        )
        for work in self._ingest.work:
            lag.add_metric([work.shard.shard_id], work.source.behind_s)
        yield lag
        for name, text, value in (
            ("stream_checkpoints", "Positions saved, with what was read.", self._ingest.counts.checkpoints),
            ("stream_reads", "Reads of shards.", self._ingest.counted("reads")),
            (
                "stream_reads_throttled",
                "Reads refused because a shard was read too often or too much.",
                self._ingest.counted("throttled_reads"),
            ),
            ("stream_reads_failed", "Reads that failed otherwise.", self._ingest.counted("failed_reads")),
        ):
            yield CounterMetricFamily(f"solarrally_{name}", text, value)


def stream_readiness(ingest: StreamIngest, figures: StreamFigures) -> Readiness:
    """What `/readyz` says: ready when the stream and the database answer, with or without shards of ours."""
    return {
        "is_ready": figures.is_store_ok and ingest.is_stream_ok,
        "role": "leading" if ingest.is_leading else "sharing",
        "database": "ok" if figures.is_store_ok else "unavailable",
        "broker": "connected" if ingest.is_stream_ok else "disconnected",
        "shards_owned": len(ingest.work),
        "shards_ready": len(ingest.ready),
        "lag_s": max((work.source.behind_s for work in ingest.work), default=0.0),
        "messages_waiting": figures.waiting + len(figures.gathering),
        "messages_parked": figures.parking.waiting,
    }

"""What a backend must find after a replay: per session and in total, as JSON."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from solarrally_sim.dataset import Recording
from solarrally_sim.payload import MWH_PER_WH
from solarrally_sim.replay import PlannedSession


def ground_truth(
    recording: Recording,
    sessions: Sequence[PlannedSession],
    published: Mapping[int, int],
    *,
    seed: int,
    stored: Mapping[int, int] | None = None,
    spool: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The report of a replay. `published` has the readings acknowledged by the broker, per session number.

    `readings_published` includes the `finishing` reading and the `available` one that follows the session.
    Energies are in Wh; `started_at` and `ended_at` are the times that were published (UTC). `is_complete` is
    false when the replay was cut short. With a spool `stored` has the readings acknowledged as stored, also
    those of earlier processes, and `spool` what became of the messages; then all must be stored.
    """
    arrived = published if stored is None else stored
    stations = Counter(session.evse_uid for session in sessions)
    return {
        "format": str(recording.format),
        "local_time_zone": recording.zone.key,
        "seed": seed,
        "is_complete": all(arrived.get(each.number, 0) >= each.reading_count for each in sessions),
        "totals": {
            "sessions": len(sessions),
            "stations": len(stations),
            "sessions_by_station": dict(sorted(stations.items())),
            "energy_wh": sum(each.energy_mwh for each in sessions) / MWH_PER_WH,
            "readings_planned": sum(each.reading_count for each in sessions),
            "readings_published": sum(published.values()),
            **({} if stored is None else {"readings_stored": sum(stored.values())}),
            "first_reading_at": _iso(min((each.started_at for each in sessions), default=None)),
            "last_departure_at": _iso(max((each.ended_at for each in sessions), default=None)),
            "above_pmax": sum(each.exceeds_pmax for each in sessions),
            "rows_skipped": len(recording.skipped),
        },
        "rows_skipped": [{"session": each.number, "reason": each.reason} for each in recording.skipped],
        "stated_duration_is_not_end_minus_start": list(recording.duration_disagrees),
        "pmax_is_assumed": recording.pmax_is_assumed,
        **({} if spool is None else {"spool": spool}),
        "sessions": [_session(each, published.get(each.number, 0)) for each in sessions],
    }


def _session(session: PlannedSession, readings_published: int) -> dict[str, object]:
    return {
        "session": session.number,
        "evse_uid": session.evse_uid,
        "flavour": str(session.flavour),
        "device_session_id": session.device_session_id,
        "started_at": _iso(session.started_at),
        "ended_at": _iso(session.ended_at),
        "energy_wh": session.energy_mwh / MWH_PER_WH,
        "peak_power_w": session.peak_power_w,
        "pmax_w": session.pmax_w,
        "readings_planned": session.reading_count,
        "readings_published": readings_published,
        "notes": list(session.notes),
    }


def _iso(ts: datetime | None) -> str | None:
    return ts.astimezone(UTC).isoformat().replace("+00:00", "Z") if ts else None

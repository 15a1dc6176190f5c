"""The fan-out of live updates to watchers: newest first in worth, everyone at their own pace.

The hub keeps the newest update of every connector, the open alerts and the unfinished commands. Watchers who
want and may see the same, at the same rate, are a *cohort*: it keeps only *which* connectors changed since it
was last told, and a short, ordered list of records (sessions, alerts, commands). When its rate allows, it
makes one event for all its watchers. A watcher whose outlet is not ready is left out and keeps the same for
itself until it is: it sees fewer, newer updates, costs a few bytes per connector, and nobody waits for it.

| situation | a watcher gets |
|---|---|
| joins | `Snapshot` |
| a connector changes, a record comes | `Frame`: at once when it was quiet, else at its `max_rate_hz` |
| more records than `MAX_PENDING_RECORDS` between two frames | `Snapshot` in place of the frame |
| the feed is lost | `Stale` |
| the feed is back | `Snapshot` |

Everything runs in one event loop; `publish`, `reset` and `lose` never wait.
"""

from solarrally.hub.cohort import MAX_PENDING_RECORDS, SNAPSHOT_PAUSE_S, Outlet, Watcher
from solarrally.hub.events import Event, Frame, Record, Snapshot, Stale, Versioned
from solarrally.hub.fan_out import DEFAULT_RATE_HZ, MAX_RATE_HZ, MIN_RATE_HZ, Hub
from solarrally.hub.interest import Audience, Interest

__all__ = [
    "DEFAULT_RATE_HZ",
    "MAX_PENDING_RECORDS",
    "MAX_RATE_HZ",
    "MIN_RATE_HZ",
    "SNAPSHOT_PAUSE_S",
    "Audience",
    "Event",
    "Frame",
    "Hub",
    "Interest",
    "Outlet",
    "Record",
    "Snapshot",
    "Stale",
    "Versioned",
    "Watcher",
]

"""A replay goes on where its spool was left: of a recording, a station's n-th message is always number n."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from solarrally_sim.message import Message, station_of
from solarrally_sim.spool import Spool


class Resumption:
    """What of a recording is in the spool or was stored before this process began."""

    def __init__(self, spool: Spool) -> None:
        self._begun = {evse_uid: station.next_seq for evse_uid, station in spool.stations.items()}
        self._kept = {evse_uid: set(spool.seqs(evse_uid)) for evse_uid in self._begun}

    @property
    def stored_count(self) -> int:
        """How many messages need not be sent any more."""
        return sum(self._begun.values()) - sum(map(len, self._kept.values()))

    def rest_of(
        self, messages: Iterable[Message], *, on_stored_before: Callable[[Message], None]
    ) -> Iterator[Message]:
        """Those that have no number yet; what is in the spool is left to it."""
        numbers: Counter[str] = Counter()
        for message in messages:
            evse_uid = station_of(message.topic)
            seq = numbers[evse_uid]
            numbers[evse_uid] += 1
            if seq >= self._begun.get(evse_uid, 0):
                yield message
            elif seq not in self._kept[evse_uid]:
                on_stored_before(message)

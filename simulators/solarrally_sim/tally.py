"""How far a delivery is: counted while it runs, shown by the progress and the summary."""

from dataclasses import dataclass

from solarrally_sim.message import Message


@dataclass(slots=True)
class SpoolTally:
    """What became of numbered messages. `stored` and `dropped` are of this process, `in_spool` is now."""

    stored: int = 0
    in_spool: int = 0
    dropped: int = 0
    sent_again: int = 0
    unreadable_acks: int = 0


@dataclass(slots=True)
class Tally:
    """Messages the broker has acknowledged so far, each once, and the last of them with a simulated time."""

    acknowledged: int = 0
    last: Message | None = None
    spool: SpoolTally | None = None

    def count(self, message: Message) -> None:
        """Add one acknowledged message."""
        self.acknowledged += 1
        if message.ts is not None:
            self.last = message

"""What one station has to send until it is acknowledged as stored, and when to send it again.

Rules, all of them pure, with the time handed in (seconds of any clock):

* Messages are sent in the order of their numbers; at most `window` of them are under way, the others wait in
  the spool.
* After a reconnection everything under way is sent again, oldest first.
* What is not acknowledged after a while is sent again, oldest first, when it is known to be lost: a message
  that was first sent after it has been acknowledged, and nothing overtakes on the way.
* Otherwise the backend may be away or behind, and repetitions would only make its backlog longer. When it has
  been silent for a while, the oldest message is sent again; ten times as many each time this is answered, one
  after waits that double up to `LONGEST_WAIT_S` when it is not.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from solarrally_sim.acks import Ack
from solarrally_sim.message import Message

WINDOW = 1000
JITTER = 0.25  # of the wait, so that a fleet does not repeat itself all at once
LONGEST_WAIT_S = 300.0
NEVER = -math.inf


@dataclass(slots=True)
class Underway:
    """A message that was read to be sent. `sent_at` None: it waits for its turn."""

    seq: int
    message: Message
    sent_at: float | None = None
    first_sent_at: float | None = None
    is_taken: bool = False
    """The broker has acknowledged it."""


class Outbox:
    """One station's messages. `unread` ones, up to `last_written_seq`, are in the spool and not in memory."""

    def __init__(
        self,
        evse_uid: str,
        *,
        next_seq: int,
        first_kept_seq: int | None,
        ack_timeout_s: float,
        chance: Callable[[], float],
        window: int = WINDOW,
    ) -> None:
        """`next_seq` and `first_kept_seq` (None: nothing) are those of the spool; `chance` gives 0 to 1."""
        self.evse_uid = evse_uid
        self.last_written_seq = next_seq - 1
        self.last_read_seq = (next_seq if first_kept_seq is None else first_kept_seq) - 1
        self.underway: dict[int, Underway] = {}  # by number, in order
        self._ack_timeout_s = ack_timeout_s
        self._chance = chance
        self._window = window
        self._heard_at = NEVER
        self._probed_at = NEVER
        self._passed_at = NEVER  # what was sent before is stored or lost
        self._unanswered = 0
        self._burst = 1
        self._look_at = NEVER
        self._draw_patience()

    @property
    def has_unread(self) -> bool:
        """Whether the spool has messages that are not under way yet."""
        return self.last_read_seq < self.last_written_seq

    @property
    def room(self) -> int:
        """How many more messages to read from the spool: none until half of the window is free."""
        return self._window - len(self.underway) if len(self.underway) <= self._window // 2 else 0

    def written(self, message: Message) -> bool:
        """A new message is in the spool; True when it is to be sent at once."""
        assert message.seq is not None
        is_next = not self.has_unread
        self.last_written_seq = message.seq
        if not is_next or len(self.underway) >= self._window:
            return False
        self.read([message], is_all=True)
        return True

    def read(self, messages: list[Message], *, is_all: bool) -> list[int]:
        """Messages come under way, the next in order; returns their numbers.

        `is_all`: the spool has no more up to the last written (numbers already stored leave gaps).
        """
        seqs = []
        for message in messages:
            assert message.seq is not None
            self.underway[message.seq] = Underway(message.seq, message)
            seqs.append(message.seq)
        if is_all:
            self.last_read_seq = self.last_written_seq
        elif seqs:
            self.last_read_seq = seqs[-1]
        return seqs

    def dropped(self, seq: int) -> None:
        """The spool was full and the message is gone."""
        self.underway.pop(seq, None)
        self.last_read_seq = max(self.last_read_seq, seq)

    def sent(self, seq: int, now: float) -> None:
        """The message was handed over to the connection."""
        underway = self.underway[seq]
        underway.sent_at = now
        if underway.first_sent_at is None:
            underway.first_sent_at = now

    def acknowledged(self, ack: Ack, now: float) -> list[Underway]:
        """What is stored by this; nothing when it is a repetition."""
        self._heard_at = now
        if self._unanswered:
            self._unanswered, self._burst = 0, self._burst * 10
        if ack.last_seq - ack.first_seq < len(self.underway):
            seqs = [seq for seq in range(ack.first_seq, ack.last_seq + 1) if seq in self.underway]
        else:
            seqs = [seq for seq in self.underway if ack.first_seq <= seq <= ack.last_seq]
        stored = [self.underway.pop(seq) for seq in seqs]
        for each in stored:
            # of one that was sent again, it cannot be known which sending was acknowledged
            self._passed_at = max(self._passed_at, each.first_sent_at or NEVER)
        return stored

    def reconnected(self) -> list[int]:
        """What is to be sent on the new connection: everything under way, oldest first."""
        for each in self.underway.values():
            each.sent_at = None
        self._probed_at = self._look_at = NEVER
        self._unanswered, self._burst = 0, 1
        return list(self.underway)

    def overdue(self, now: float) -> list[int]:
        """What is to be sent again now, oldest first; from here on it waits for its turn."""
        if now < self._look_at:
            return []
        self._look_at = now + self._ack_timeout_s / 10  # looking costs a pass over all that is under way
        sent = {seq: each.sent_at for seq, each in self.underway.items() if each.sent_at is not None}
        due = [seq for seq, sent_at in sent.items() if now - sent_at >= self._patience_s]
        again = [seq for seq in due if sent[seq] < self._passed_at] or self._probe(due, now)
        for seq in again:
            self.underway[seq].sent_at = None
        if again:
            self._draw_patience()
        return again

    def _probe(self, due: list[int], now: float) -> list[int]:
        if not due:
            self._burst = 1
            return []
        wait_s = min(LONGEST_WAIT_S, self._patience_s * 2.0 ** min(self._unanswered, 10))
        if now - max(self._heard_at, self._probed_at) < wait_s:
            return []
        if self._unanswered:
            self._burst = 1
        self._unanswered += 1
        self._probed_at = now
        return due[: self._burst]

    def _draw_patience(self) -> None:
        self._patience_s = self._ack_timeout_s * (1.0 + JITTER * self._chance())

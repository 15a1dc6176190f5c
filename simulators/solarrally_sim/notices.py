"""Sentences to the user about what goes on beside the progress."""

import time
from collections import Counter

import typer

from solarrally_sim.wire import Notice

NOTICE_EVERY_S = 1.0


class Notices:
    """Sentences about connections on stderr, one of a kind a second at most: fifty may break at once."""

    def __init__(self) -> None:
        self._shown_at: dict[Notice, float] = {}
        self._withheld: Counter[Notice] = Counter()

    def show(self, kind: Notice, sentence: str) -> None:
        """Print the sentence, or count it when another of its kind was printed just now."""
        now = time.monotonic()
        if now - self._shown_at.get(kind, float("-inf")) < NOTICE_EVERY_S:
            self._withheld[kind] += 1
            return
        withheld = self._withheld.pop(kind, 0)
        typer.echo(sentence + (f" (and {withheld} more like this)" if withheld else ""), err=True)
        self._shown_at[kind] = now

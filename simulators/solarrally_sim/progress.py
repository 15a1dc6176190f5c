"""What is shown while messages are on their way: a bar on a terminal, a plain line now and then elsewhere."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from solarrally_sim.broker_address import BrokerAddress
from solarrally_sim.delivery import Outcome
from solarrally_sim.tally import SpoolTally, Tally

BAR_EVERY_S = 0.2
LINE_EVERY_S = 5.0


@contextlib.asynccontextmanager
async def shown_progress(tally: Tally, *, total: int | None, label: str) -> AsyncIterator[None]:
    """Show how far it is while the block runs; `total` in messages when it is known."""
    show = _bar(tally, total, label) if sys.stdout.isatty() else _lines(tally, total, label)
    shown = asyncio.create_task(show)
    try:
        yield
    finally:
        shown.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shown


async def _bar(tally: Tally, total: int | None, label: str) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s  {task.fields[spool]}  {task.fields[simulated]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task(label, total=total, rate=0.0, spool="", simulated="")
        began_at = time.monotonic()
        try:
            while True:
                await asyncio.sleep(BAR_EVERY_S)
                rate = tally.acknowledged / (time.monotonic() - began_at)
                progress.update(
                    task,
                    completed=tally.acknowledged,
                    rate=rate,
                    spool=_spool(tally.spool) if tally.spool else "",
                    simulated=_simulated_time(tally),
                )
        finally:
            progress.update(task, completed=tally.acknowledged)


async def _lines(tally: Tally, total: int | None, label: str) -> None:
    before = 0
    of_total = f" of {total:,}" if total else ""
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        rate = (tally.acknowledged - before) / LINE_EVERY_S
        before = tally.acknowledged
        spool = f", {_spool(tally.spool)}" if tally.spool else ""
        typer.echo(f"{label}: {before:,}{of_total} messages, {rate:,.0f}/s{spool}, {_simulated_time(tally)}")


def _simulated_time(tally: Tally) -> str:
    if tally.last is None or tally.last.ts is None:
        return "nothing acknowledged yet"
    return tally.last.ts.strftime("%Y-%m-%d %H:%M:%S %Z")


def print_spool_at_start(count: int) -> None:
    """Say that there is something left of an earlier start, if there is."""
    if count:
        typer.echo(f"spool: {count:,} messages of an earlier start are sent first")


def _spool(counts: SpoolTally) -> str:
    dropped = f", {counts.dropped:,} dropped" if counts.dropped else ""
    return f"{counts.stored:,} stored, {counts.in_spool:,} in spool{dropped}"


def print_summary(outcome: Outcome, broker: BrokerAddress, *, stopped_by: signal.Signals | None) -> None:
    """One line on what was sent, and one on what was not."""
    rate = outcome.acknowledged / outcome.took_s if outcome.took_s else 0.0
    how = _stopped_by(stopped_by) or "done"
    typer.echo(
        f"{how}: {outcome.acknowledged:,} readings acknowledged by {broker} in {outcome.took_s:.1f} s "
        f"({rate:,.0f}/s), {outcome.reconnections} reconnections"
    )
    if (spool := outcome.spool) is not None:
        typer.echo(f"spool: {_spool(spool)}, {spool.sent_again:,} sent again")
        if spool.in_spool:
            typer.echo(
                f"warning: {spool.in_spool:,} readings are not acknowledged as stored; "
                "they stay in the spool and are sent first at the next start",
                err=True,
            )
        if spool.unreadable_acks:
            typer.echo(f"warning: {spool.unreadable_acks} acknowledgements could not be read", err=True)
    elif outcome.unacknowledged:
        typer.echo(f"warning: {outcome.unacknowledged} readings were not acknowledged", err=True)


def print_never_connected(broker: BrokerAddress, *, stopped_by: signal.Signals | None) -> None:
    """Say that nothing was sent because the broker could not be reached until the stop."""
    typer.echo(f"{_stopped_by(stopped_by)}: the broker at {broker} was never reached, nothing was sent")


def _stopped_by(received: signal.Signals | None) -> str:
    return f"stopped by {received.name}" if received else ""

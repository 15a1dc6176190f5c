"""`solarrally rejected`: look at the messages that could not be used, keep them, and try them again."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import sys
from collections.abc import Callable, Coroutine, Iterable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from solarrally import database_wiring, wiring
from solarrally.dialects.routes import Routes
from solarrally.errors import RejectedMessage, SolarRallyError
from solarrally.rejected_file import FIELDS, as_text, fields_of, message_of
from solarrally.settings import Settings, load_settings
from solarrally.storage import rejected
from solarrally.storage.connections import connect
from solarrally.storage.rejected import Parking, Rejected, Selection
from solarrally.storage.station_routes import load_routes
from solarrally.terminal import plain, print_json, print_table, say, table, utc

if TYPE_CHECKING:
    import asyncpg

app = typer.Typer(
    help="Messages that could not be used: look into them, keep them, try them again.", no_args_is_help=True
)

_T = TypeVar("_T")

ADVICE = {
    "malformed_json": "The payload is no JSON. Look at its end: a device with a small buffer cuts it short.",
    "invalid_field": "A field has a wrong type or value. Correct the device, or the message in an export.",
    "says_nothing": "None of the fields is one that we know. Compare it with docs/wire-formats.md.",
    "empty_payload": "An empty message, as one that clears a retained one. Nothing can be read from it.",
    "empty_array": "An array without readings. Nothing can be read from it.",
    "payload_too_large": "Above SOLARRALLY_MAX_PAYLOAD_BYTES. The device should send smaller arrays.",
    "unknown_topic": "No decoder reads this topic. A newer version may: then re-ingest it.",
    "bad_station_id": "The station's name in the topic cannot be one. Correct the device.",
    "unknown_station": "The station is not registered. Register it, then re-ingest its messages.",
    "unknown_command": "An answer to a command that this station was not sent. It has no effect.",
    "station_disabled": "The station is disabled. Enable it, then re-ingest its messages.",
    "bad_record": "No record of the IoT rule: was its statement changed, or does another write to it?",
    "bad_failed_action": "No entry of a rule's error action. Look who else writes to that queue.",
    "refused_by_database": "The database refused the content. It is worth a bug report, with the payload.",
}
"""What to do about a message, by its reason."""

DURATION = re.compile(r"(\d+)([smhd])")
_MAX_ID: Final = 2**63 - 1
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class FileFormat(StrEnum):
    """How messages are written to a file."""

    NDJSON = "ndjson"
    CSV = "csv"


def instant(text: str) -> datetime:
    """`2026-03-09`, `2026-03-09T12:00Z` (UTC where it says nothing else), or an age such as `2h`."""
    age = DURATION.fullmatch(text)
    try:
        if age:
            return datetime.now(UTC) - timedelta(**{UNITS[age[2]]: int(age[1])})
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is neither a time such as 2026-03-09T12:00Z nor an age such as 2h"
        ) from None


Reason = Annotated[str | None, typer.Option(help="Only with this reason, such as malformed_json.")]
Station = Annotated[str | None, typer.Option(help="Only of this station.")]
Topic = Annotated[str | None, typer.Option(help="Only with topics that begin so.")]
Since = Annotated[
    datetime | None,
    typer.Option(
        parser=instant, metavar="TIME", help="Only received since then: a time (UTC) or an age, 2h."
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=instant, metavar="TIME", help="Only received before then: a time (UTC) or an age."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@app.command("list")
def list_messages(
    reason: Reason = None,
    station: Station = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List rejected messages, newest first."""
    settings = load_settings()
    selection = _selection(settings, None, reason, station, topic, since, until)
    messages = _run(settings, lambda db: rejected.newest(db, selection, limit))
    if as_json:
        print_json([fields_of(message) for message in messages])
        return
    shown = table("id", "received at (UTC)", "topic", "reason", "field", "detail", right=["id"])
    for message in messages:
        shown.add_row(
            str(message.id),
            utc(message.received_at),
            escape(message.topic),
            message.reason,
            escape(message.field or ""),
            escape(message.detail),
        )
    print_table(shown, f"{len(messages)} shown")


@app.command()
def show(
    message_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=_MAX_ID, help="As `list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Show one message: what it says, why it was rejected, and what to do about that."""
    messages = _run(load_settings(), lambda db: rejected.newest(db, Selection(ids=[message_id]), 1))
    if not messages:
        raise SolarRallyError(f"no rejected message {message_id}: it was taken up again or pruned")
    message = messages[0]
    if as_json:
        print_json(fields_of(message) | {"advice": ADVICE.get(message.reason)})
        return
    out = Console(highlight=False, soft_wrap=True)
    for name in ("id", "received_at", "topic", "reason", "field", "detail"):
        out.print(f"{name:12} {escape(str(getattr(message, name) or ''))}")
    kept = "" if message.is_whole else f", of which the first {len(message.payload)} are kept"
    out.print(f"{'payload':12} {message.payload_size_bytes} bytes{kept}\n")
    out.print(escape(_readable(message.payload)))
    if message.reason in ADVICE:
        out.print(f"\n{ADVICE[message.reason]}")


@app.command()
def summary(
    station: Station = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Count the rejected messages by reason and topic."""
    settings = load_settings()
    selection = _selection(settings, None, None, station, topic, since, until)
    tallies = _run(settings, lambda db: rejected.tally(db, selection))
    if as_json:
        print_json([plain(one) for one in tallies])
        return
    shown = table("messages", "reason", "topic", "first (UTC)", "last (UTC)", right=["messages"])
    for one in tallies:
        shown.add_row(
            str(one.count),
            one.reason,
            escape(one.topic),
            utc(one.first_received_at),
            utc(one.last_received_at),
        )
    print_table(shown, f"{sum(one.count for one in tallies)} messages")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="To be written; `-` is standard output.")],
    file_format: Annotated[FileFormat, typer.Option("--format", help="NDJSON can be re-ingested.")] = (
        FileFormat.NDJSON
    ),
    reason: Reason = None,
    station: Station = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Write rejected messages to a file, oldest first. A payload that is no text is written in base64."""
    settings = load_settings()
    selection = _selection(settings, None, reason, station, topic, since, until)
    try:
        with nullcontext(sys.stdout) if str(file) == "-" else _opened(file) as lines:
            writer = csv.DictWriter(lines, FIELDS)

            async def write(db: asyncpg.Connection[asyncpg.Record]) -> int:
                count = 0
                if file_format is FileFormat.CSV:
                    writer.writeheader()
                async with db.transaction(readonly=True):
                    async for message in rejected.every(db, selection):
                        fields = fields_of(message)
                        if file_format is FileFormat.CSV:
                            writer.writerow(fields)
                        else:
                            lines.write(json.dumps(fields, ensure_ascii=False) + "\n")
                        count += 1
                return count

            count = _run(settings, write)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SolarRallyError(f"{file}: {error.strerror}") from error
    say(f"{count} messages written")


@app.command()
def reingest(
    message_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", min=1, max=_MAX_ID, help="As `list` shows them.")
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from", help="Take the messages of an NDJSON export, perhaps corrected.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    reason: Reason = None,
    station: Station = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Hand messages to the ingestor once more, as if they had come now; they keep the time of their receipt.

    Those that still cannot be used are rejected again, and readings that are stored already stay as they are.
    Fails (1) when some of the messages cannot be handed over, each of which is named.
    """
    settings = load_settings()
    selection = _selection(settings, message_ids, reason, station, topic, since, until)
    if from_file is None and selection.is_everything and not everything:
        raise typer.BadParameter("which ones? Give ids, a filter, --from FILE, or --all")
    if from_file is not None and not selection.is_everything:
        raise typer.BadParameter("--from takes the file as it is: no ids, no filters")
    given = None if from_file is None else _messages_in(from_file)
    routes = wiring.routes(settings)

    async def hand_over(db: asyncpg.Connection[asyncpg.Record]) -> tuple[int, list[str]]:
        async with db.transaction():
            messages = given
            if messages is None:
                messages = [message async for message in rejected.every(db, selection)]
            routes.learn(await load_routes(db))
            parkings, refused = _parkings(messages, routes)
            found = {message.id for message in messages}
            refused += [
                f"message {one}: there is no such message" for one in message_ids or () if one not in found
            ]
            if dry_run:
                return len(parkings), refused
            return await rejected.park(db, parkings, only_held=from_file is None), refused

    count, refused = _run(settings, hand_over)
    for line in refused:
        say(f"not handed over: {line}")
    say(f"{count} messages {'would be handed' if dry_run else 'handed'} to the ingestor")
    if refused:
        raise typer.Exit(1)


@app.command("recover-failed-actions")
def recover_failed_actions() -> None:
    """Take up the messages that the AWS IoT rule could not put on the stream, until their queue is empty.

    They wait in SOLARRALLY_AWS_FAILED_QUEUE_URL. The ingestor takes them in from the parking table, readings
    that are stored already stay as they are, and what cannot be used is kept as rejected. `solarrally ingest`
    does this all the time with that setting and SOLARRALLY_BROKER=aws_kinesis.
    """
    settings = load_settings()
    with database_wiring.reaching_database(settings):
        recovered, rejected_count = asyncio.run(wiring.recover_failed_actions(settings))
    say(f"{recovered} messages handed to the ingestor, {rejected_count} kept as rejected")


def _parkings(messages: Iterable[Rejected], routes: Routes) -> tuple[list[Parking], list[str]]:
    """The messages that can be handed over, and why the others cannot."""
    parkings, refused = [], []
    for place, message in enumerate(messages, 1):
        name = f"message {place} of the file" if message.id is None else f"message {message.id}"
        if not message.is_whole:
            refused.append(
                f"{name}: only {len(message.payload)} of its {message.payload_size_bytes} bytes were kept"
            )
            continue
        try:
            evse_uid = routes.find(message.topic).evse_uid
        except RejectedMessage as error:
            refused.append(f"{name}: {message.topic}: {error.detail}")
            continue
        parkings.append(Parking(evse_uid=evse_uid, message=message))
    return parkings, refused


def _opened(file: Path) -> TextIO:
    """For both formats: CSV brings its own line ends."""
    return file.open("w", encoding="utf-8", newline="")


def _messages_in(file: Path) -> list[Rejected]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SolarRallyError(f"{file}: {error}") from error
    return [message_of(line, number) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _selection(
    settings: Settings,
    ids: list[int] | None,
    reason: str | None,
    station: str | None,
    topic: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Selection:
    if station is not None and topic is not None:
        raise typer.BadParameter("--station and --topic: one of them")
    if station is not None:
        topic = f"{settings.mqtt_topic_root}/{station}/"
    return Selection(ids=ids or None, reason=reason, topic_prefix=topic, since=since, until=until)


def _readable(payload: bytes) -> str:
    """Indented JSON, else text, else a hexadecimal listing."""
    text = as_text(payload)
    if text is None:
        rows = [payload[start : start + 16] for start in range(0, len(payload), 16)]
        return "\n".join(
            f"{16 * number:06x}  {row.hex(' '):47}  "
            + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            for number, row in enumerate(rows)
        )
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):  # no JSON, or brackets without end
        return text


def _run(
    settings: Settings, work: Callable[[asyncpg.Connection[asyncpg.Record]], Coroutine[Any, Any, _T]]
) -> _T:
    """Do the work on a connection of its own."""

    async def connected() -> _T:
        with database_wiring.reaching_database(settings):
            db = await connect(wiring.database_dsn(settings), application_name="solarrally-rejected")
            try:
                return await work(db)
            finally:
                await db.close()

    return asyncio.run(connected())

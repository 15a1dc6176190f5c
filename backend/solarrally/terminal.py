"""How the command line tells what there is: tables, times and JSON on standard output, the rest beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

_WIDTH_OF_FILES: Final = 1_000_000
"""Of a table that goes to a file or a pipe: wider than any, so that each row is a line."""


def say(text: str) -> None:
    """On standard error, so that what a program reads stays clean."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(text)


def table(*headings: str, right: Collection[str] = ()) -> Table:
    """Nothing is cut off: what is too long goes on in the next line. `right`: columns of numbers."""
    made = Table(pad_edge=False, box=None, header_style="bold")
    for heading in headings:
        made.add_column(heading, overflow="fold", justify="right" if heading in right else "left")
    return made


def print_table(shown: Table, caption: str) -> None:
    """The table on standard output, what is said about it on standard error."""
    width = None if sys.stdout.isatty() else _WIDTH_OF_FILES
    Console(highlight=False, width=width).print(shown)
    say(caption)


def print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def plain(row: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON values."""
    return {name: _plain_value(getattr(row, name)) for name in row.__dataclass_fields__}


def utc(at: datetime | None) -> str:
    """To the second; nothing for None."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def day(at: datetime) -> str:
    """UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def _plain_value(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset | tuple):
        return sorted(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)

"""Windows on sorted lists: the next rows behind a position, at the same cost however far in the list.

A list has one `Order` for each way it can be sorted. Its columns are never null, the last one is unique, all
go the same way, and an index serves them; so the position is simply the values of its columns in the last row
that was seen ("keyset" or "seek" paging).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, tuple_

Row = TypeVar("Row")


@dataclass(slots=True, frozen=True, kw_only=True)
class Order(Generic[Row]):
    """One way to sort a list of `Row`s."""

    columns: Sequence[ColumnElement[Any]]
    kinds: Sequence[type]
    """Of the columns, as Python types."""
    position: Callable[[Row], Sequence[Any]]
    """The values of the columns in a row."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Window(Generic[Row]):
    """At most `limit` rows behind `after` (None: from the beginning)."""

    order: Order[Row]
    is_descending: bool
    after: Sequence[Any] | None
    limit: int

    def of(self, statement: Select[Any]) -> Select[Any]:
        """The statement, sorted and cut."""
        columns = self.order.columns
        statement = statement.order_by(*(c.desc() if self.is_descending else c.asc() for c in columns))
        if self.after is not None:
            place, behind = tuple_(*columns), tuple_(*self.after)
            statement = statement.where(place < behind if self.is_descending else place > behind)
        return statement.limit(self.limit)

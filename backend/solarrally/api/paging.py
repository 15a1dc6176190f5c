"""Pages of a list: the same parameters, cursors and `Link` header for every one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Request, Response

from solarrally.api.parameters import ListParameters
from solarrally.api.services import Services, ServicesDependency
from solarrally.storage.queries import Order, Window

_Row = TypeVar("_Row")


@dataclass(slots=True, frozen=True)
class Page(Generic[_Row]):
    """Rows, and where the next page begins; None on the last one."""

    rows: Sequence[_Row]
    next_cursor: str | None


@dataclass(slots=True, frozen=True)
class Pager:
    """Makes the pages of one request."""

    request: Request
    response: Response
    services: Services

    async def page(
        self,
        list_name: str,
        parameters: ListParameters,
        orders: Mapping[str, Order[_Row]],
        fetch: Callable[[Window[_Row]], Awaitable[Sequence[_Row]]],
        **bound_to: object,
    ) -> Page[_Row]:
        """The page that the parameters ask for, with its `Link` header set.

        `parameters.sort` names one of `orders`, with `-` for descending. A cursor is good for this list,
        these filters, this sort and what it is `bound_to` (such as the object in the path). Raises
        `ApiProblem` (422) for any other.
        """
        name = parameters.sort.removeprefix("-")
        order = orders[name]
        filters = {**parameters.filters, **bound_to}
        after: Sequence[Any] | None = None
        if parameters.cursor is not None:
            kind: Any = tuple[tuple(order.kinds)]  # type: ignore[misc]
            after = self.services.cursors.read(list_name, filters, parameters.cursor, kind)
        rows = await fetch(
            Window(
                order=order,
                is_descending=parameters.sort.startswith("-"),
                after=after,
                limit=parameters.limit + 1,  # one more tells whether there is a next page
            )
        )
        shown = rows[: parameters.limit]
        if len(rows) <= parameters.limit:
            return Page(shown, None)
        cursor = self.services.cursors.make(list_name, filters, tuple(order.position(shown[-1])))
        url = self.request.url.include_query_params(cursor=cursor)
        self.response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return Page(shown, cursor)


def _pager(request: Request, response: Response, services: ServicesDependency) -> Pager:
    return Pager(request, response, services)


PagerDependency = Annotated[Pager, Depends(_pager)]

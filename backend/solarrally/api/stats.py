"""Statistics: energy, money, sessions and use by local day, week or month, and of this moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from solarrally.api.errors import invalid_field
from solarrally.api.parameters import LocalDate, Parameters, ShortText, SiteId
from solarrally.api.permissions import Permission
from solarrally.api.responses import guarded
from solarrally.api.schemas.stats import HourStats, NowStats, PeriodStats, StatsAnswer, UtilisationAnswer
from solarrally.api.security import requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.queries import (
    StatsFilter,
    count_groups,
    figures_now,
    stats_by_period,
    utilisation_by_hour_of_week,
)

router = APIRouter(prefix="/stats", tags=["stats"])

MAX_ROWS: Final = 10_000
MAX_DAYS: Final = {"day": 366, "week": 5 * 366, "month": 10 * 366}
DEFAULT_DAYS: Final = {"day": 30, "week": 12 * 7, "month": 366}
UTILISATION_DAYS: Final = 28
DAYS_OF_PERIOD: Final = {"day": 1, "week": 7, "month": 28}


class RangeParameters(Parameters):
    """Which connectors and which local days."""

    date_from: LocalDate | None = Field(default=None, description="The first day, in the site's own zone.")
    date_to: LocalDate | None = Field(
        default=None, description="The day after the last one; without it, the range ends with today."
    )
    site_id: SiteId | None = None
    evse_uid: ShortText | None = None

    def where(self, now: datetime, *, default_days: int, max_days: int) -> StatsFilter:
        """The range with its defaults. Raises `ApiProblem` (422) when it is empty or too long."""
        tomorrow = now.date() + timedelta(days=1)
        date_to = self.date_to
        if date_to is None:
            date_to = tomorrow if self.date_from is None else max(tomorrow, self.date_from)
        date_from = self.date_from
        if date_from is None:
            date_from = date_to - timedelta(days=default_days)
        if date_from >= date_to:
            raise invalid_field("date_to", "must be after date_from: it is the day after the last one")
        if date_to - date_from > timedelta(days=max_days):
            raise invalid_field("date_from", f"at most {max_days} days before date_to")
        return StatsFilter(date_from=date_from, date_to=date_to, site_id=self.site_id, evse_uid=self.evse_uid)


class StatsParameters(RangeParameters):
    """Which figures."""

    period: Literal["day", "week", "month"] = "day"
    group_by: Literal["site", "evse"] | None = Field(
        default=None, description="A row for each of them instead of one for all together."
    )


class NowParameters(Parameters):
    """Which site."""

    site_id: SiteId | None = None


@router.get(
    "",
    operation_id="get_stats",
    responses=guarded(),
    dependencies=[requires(Permission.STATS_READ)],
)
async def get_stats(
    services: ServicesDependency, parameters: Annotated[StatsParameters, Query()]
) -> StatsAnswer:
    """Figures by day, week or month, each in the local time of its site.

    Energy counts in the period in which it flowed; sessions, and what they cost, in the one they began in.
    Of an EVSE that moved, each site has what happened there.
    At most 366 days, 5 years of weeks, or 10 years of months, and 10,000 rows.
    """
    now = datetime.now(UTC)
    period = parameters.period
    where = parameters.where(now, default_days=DEFAULT_DAYS[period], max_days=MAX_DAYS[period])
    await _refuse_too_many_rows(services, parameters, where, now)
    stats = await stats_by_period(services.engine, where, period, parameters.group_by, now)
    return StatsAnswer(
        period=period,
        complete_until=stats.complete_until,
        items=[PeriodStats.of(row) for row in stats.rows],
    )


@router.get(
    "/utilisation",
    operation_id="get_utilisation",
    responses=guarded(),
    dependencies=[requires(Permission.STATS_READ)],
)
async def get_utilisation(
    services: ServicesDependency, parameters: Annotated[RangeParameters, Query()]
) -> UtilisationAnswer:
    """How much connectors are used in each hour of the local week: by default over the last four weeks."""
    now = datetime.now(UTC)
    where = parameters.where(now, default_days=UTILISATION_DAYS, max_days=MAX_DAYS["day"])
    utilisation = await utilisation_by_hour_of_week(services.engine, where, now)
    return UtilisationAnswer(
        date_from=where.date_from,
        date_to=where.date_to,
        complete_until=utilisation.complete_until,
        items=[HourStats.of(row) for row in utilisation.hours],
    )


@router.get(
    "/now",
    operation_id="get_stats_now",
    responses=guarded(),
    dependencies=[requires(Permission.STATS_READ)],
)
async def get_now(services: ServicesDependency, parameters: Annotated[NowParameters, Query()]) -> NowStats:
    """What an overview shows: power at this moment, and energy, sessions and money of the local day."""
    now = datetime.now(UTC)
    return NowStats.of(await figures_now(services.engine, parameters.site_id, now), now)


async def _refuse_too_many_rows(
    services: ServicesDependency, parameters: StatsParameters, where: StatsFilter, now: datetime
) -> None:
    days: timedelta = where.date_to - where.date_from
    period_count = days.days // DAYS_OF_PERIOD[parameters.period] + 2
    if parameters.group_by is None:
        return
    group_count = await count_groups(services.engine, where, parameters.group_by, now)
    if period_count * group_count > MAX_ROWS:
        raise invalid_field(
            "group_by",
            f"{group_count} groups in about {period_count} periods are more than {MAX_ROWS} rows;"
            " choose a shorter range, a longer period, or one site",
        )

"""Statistics by local time, as answered."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from solarrally.api.schemas.common import Answer
from solarrally.storage.queries import EnergySums, HourOfWeek, NowFigures, StatsRow
from solarrally.storage.queries import Money as MoneyRow

_ENERGY_EXAMPLE: Final[JsonDict] = {
    "energy_wh": 182_400,
    "energy_solar_wh": 121_000,
    "energy_grid_wh": 60_900,
    "energy_unattributed_wh": 500,
    "solar_share": 0.6634,
}
_PERIOD_EXAMPLE: Final[JsonDict] = {
    "site_id": 1,
    "evse_uid": None,
    "period_start": "2026-11-16",
    "date_from": "2026-11-16",
    "date_to": "2026-11-23",
    **_ENERGY_EXAMPLE,
    "charging_s": 91_200.0,
    "utilisation": 0.1508,
    "occupied_share": 0.2211,
    "peak_quarter_power_w": 43_800.0,
    "peak_power_w": 22_050.0,
    "session_count": 24,
    "energy_per_session_wh": 7600,
    "money": [{"currency": "JMD", "cost": "4280.0000"}],
}
_HOUR_EXAMPLE: Final[JsonDict] = {
    "weekday": 1,
    "hour": 8,
    "energy_wh": 14_250,
    "charging_s": 9120.0,
    "utilisation": 0.3167,
}
_UNTIL: Final = (
    "The energy of later quarters of an hour is not in these figures yet: of the running one, and of those"
    " that late readings changed a moment ago."
)


class Money(Answer):
    """What sessions cost in one currency. Sums of different currencies are never added."""

    currency: str = Field(description="ISO 4217.")
    cost: Decimal = Field(description="Decimal as text, never a float; without VAT.")

    @classmethod
    def of(cls, row: MoneyRow) -> Money:
        return cls(currency=row.currency, cost=row.cost)


class Energy(Answer):
    """Energy where and when it flowed, in whole Wh. The three sources add up to `energy_wh`."""

    energy_wh: int
    energy_solar_wh: int
    energy_grid_wh: int
    energy_unattributed_wh: int = Field(description="Energy whose source nobody said.")
    solar_share: float | None = Field(description="Solar of all energy, 0 to 1; null without energy.")


def energy_fields(sums: EnergySums) -> dict[str, int | float | None]:
    """The values of the fields of `Energy`."""
    solar, grid = round(sums.energy_solar_wh), round(sums.energy_grid_wh)
    unattributed = round(sums.energy_unattributed_wh)
    total = solar + grid + unattributed
    return {
        "energy_wh": total,
        "energy_solar_wh": solar,
        "energy_grid_wh": grid,
        "energy_unattributed_wh": unattributed,
        "solar_share": round(solar / total, 4) if total else None,
    }


def _share(part_s: float, whole_s: float) -> float | None:
    return round(part_s / whole_s, 4) if whole_s > 0 else None


def _power(power_w: float | None) -> float | None:
    """To a tenth of a watt: no meter knows more, whatever an average's digits say."""
    return None if power_w is None else round(power_w, 1)


class PeriodStats(Energy):
    """One day, week or month in local time."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PERIOD_EXAMPLE]})

    site_id: int | None = Field(description="With group_by; null: all of them together.")
    evse_uid: str | None = Field(description="With group_by=evse. One that moved has rows for each site.")
    period_start: date = Field(description="Its first day: weeks begin on Monday, months on the first.")
    date_from: date = Field(description="The first local day that counts.")
    date_to: date = Field(description="The day after the last one that counts.")
    charging_s: float = Field(description="How long power flowed, of all connectors together.")
    utilisation: float | None = Field(
        description="charging_s of all the connectors' time at the site, as far as the period is over; null"
        " where they spent none."
    )
    occupied_share: float | None = Field(description="The same of the time in sessions, charging or not.")
    peak_quarter_power_w: float | None = Field(
        description="Of its quarters of an hour the highest: the average powers of all connectors in the"
        " quarter, added up."
    )
    peak_power_w: float | None = Field(description="The highest power of a single connector.")
    session_count: int = Field(description="Sessions that began in it.")
    energy_per_session_wh: int | None = Field(
        description="Of those sessions, until their ends; null without any."
    )
    money: list[Money] = Field(description="What those sessions cost, by currency.")

    @classmethod
    def of(cls, row: StatsRow) -> PeriodStats:
        return cls.model_validate(
            {
                **energy_fields(row.energy),
                "site_id": row.site_id,
                "evse_uid": row.evse_uid,
                "period_start": row.period_start,
                "date_from": row.date_from,
                "date_to": row.date_to,
                "charging_s": round(row.charging_s, 3),
                "utilisation": _share(row.charging_s, row.connector_s),
                "occupied_share": _share(row.occupied_s, row.connector_s),
                "peak_quarter_power_w": _power(row.peak_quarter_power_w),
                "peak_power_w": _power(row.peak_power_w),
                "session_count": row.session_count,
                "energy_per_session_wh": (
                    round(row.session_energy_wh / row.session_count) if row.session_count else None
                ),
                "money": [Money.of(money) for money in row.money],
            }
        )


class StatsAnswer(Answer):
    """A row for each group and period, also where nothing happened; by group, then by time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"period": "week", "complete_until": "2026-11-21T07:15:00Z", "items": [_PERIOD_EXAMPLE]}
            ]
        }
    )

    period: Literal["day", "week", "month"]
    complete_until: datetime = Field(description=_UNTIL)
    items: list[PeriodStats]


class HourStats(Answer):
    """One hour of the local week, over all weeks of the range."""

    weekday: int = Field(ge=1, le=7, description="1 is Monday.")
    hour: int = Field(ge=0, le=23)
    energy_wh: int
    charging_s: float
    utilisation: float | None = Field(description="null: the range has no such hour yet, or no connector.")

    @classmethod
    def of(cls, row: HourOfWeek) -> HourStats:
        return cls(
            weekday=row.weekday,
            hour=row.hour,
            energy_wh=round(row.energy_wh),
            charging_s=round(row.charging_s, 3),
            utilisation=_share(row.charging_s, row.connector_s),
        )


class UtilisationAnswer(Answer):
    """The 168 hours of the local week, Monday 00:00 first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "date_from": "2026-10-24",
                    "date_to": "2026-11-21",
                    "complete_until": "2026-11-21T07:15:00Z",
                    "items": [_HOUR_EXAMPLE],
                }
            ]
        }
    )

    date_from: date
    date_to: date
    complete_until: datetime = Field(description=_UNTIL)
    items: list[HourStats]


class NowStats(Answer):
    """This moment, and the local day of each site so far."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ts": "2026-11-21T07:21:09Z",
                    "power_w": 64_200.0,
                    "active_session_count": 9,
                    "energy_today": _ENERGY_EXAMPLE,
                    "session_count_today": 31,
                    "money_today": [{"currency": "JMD", "cost": "5120.5000"}],
                    "evse_count_by_state": {"available": 12, "charging": 9, "offline": 1},
                    "connector_count_by_status": {"available": 14, "charging": 9},
                    "complete_until": "2026-11-21T07:15:00Z",
                }
            ]
        }
    )

    ts: datetime
    power_w: float = Field(description="Of all connectors of stations that are online.")
    active_session_count: int
    energy_today: Energy
    session_count_today: int = Field(description="Sessions that began today.")
    money_today: list[Money] = Field(description="What those sessions cost so far.")
    evse_count_by_state: dict[str, int] = Field(
        description="Each EVSE under the first that fits: disabled, offline, faulted, charging, occupied,"
        " available, unavailable. Those without any are left out."
    )
    connector_count_by_status: dict[str, int] = Field(description="As last heard, also of offline stations.")
    complete_until: datetime = Field(description=_UNTIL)

    @classmethod
    def of(cls, figures: NowFigures, ts: datetime) -> NowStats:
        return cls(
            ts=ts,
            power_w=round(figures.power_w, 1),
            active_session_count=figures.active_session_count,
            energy_today=Energy.model_validate(energy_fields(figures.energy_today)),
            session_count_today=figures.session_count_today,
            money_today=[Money.of(money) for money in figures.money_today],
            evse_count_by_state=dict(figures.evse_count_by_state),
            connector_count_by_status=dict(figures.connector_count_by_status),
            complete_until=figures.complete_until,
        )

"""What energy costs: exact decimals, by energy source and time of day, without VAT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from solarrally.domain.bucket import BUCKET_S

DAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
"""OCPI 2.2.1 DayOfWeek, in the order of `datetime.weekday`."""
_MINUTES_A_DAY = 24 * 60

# ISO 4217 minor units that are not 2.
_MINOR_DIGITS = {
    "BHD": 3,
    "CLP": 0,
    "ISK": 0,
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
    "UGX": 0,
    "VND": 0,
    "XAF": 0,
    "XOF": 0,
}


@dataclass(slots=True, frozen=True, kw_only=True)
class TariffElement:
    """Prices at a time of day, by the clocks of the site.

    `start_time` and `end_time` are HH:MM on a quarter of an hour; the end may be 24:00. An end that is not
    after the start lies on the next day, and `day_of_week` (empty: every day) is then the day of the start.
    """

    day_of_week: tuple[str, ...] = ()
    start_time: str = "00:00"
    end_time: str = "24:00"
    price_solar_per_kwh: Decimal
    price_grid_per_kwh: Decimal

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether it applies at this minute of the day; Monday is 0."""
        start, end = minute_of(self.start_time), minute_of(self.end_time)
        if start < end:
            return start <= minute < end and self._is_on(weekday)
        return (minute >= start and self._is_on(weekday)) or (minute < end and self._is_on((weekday - 1) % 7))

    def _is_on(self, weekday: int) -> bool:
        return not self.day_of_week or DAYS[weekday] in self.day_of_week


@dataclass(slots=True, frozen=True, kw_only=True)
class Tariff:
    """One version of a site's prices, in `currency` per kWh without VAT. Energy that cannot be attributed
    costs the grid price.

    The first of `elements` that holds at a time gives the prices, else the base prices do.
    """

    id: int
    valid_from: datetime
    currency: str
    price_solar_per_kwh: Decimal
    price_grid_per_kwh: Decimal
    vat_percent: Decimal = Decimal(0)
    elements: tuple[TariffElement, ...] = ()
    timezone: str = "UTC"
    """Whose clocks the elements go by; an IANA name."""
    _places: dict[int, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Which price holds in a quarter of an hour, as far as it was asked for."""

    def cost(self, *, solar_wh: int, grid_wh: int, unattributed_wh: int) -> Decimal:
        """Exact cost at the base prices, rounded once, half up, to the currency's minor unit."""
        exact = (
            solar_wh * self.price_solar_per_kwh + (grid_wh + unattributed_wh) * self.price_grid_per_kwh
        ) / 1000
        return rounded(exact, self.currency)

    def place_of(self, quarter: int) -> int:
        """Which of `elements` holds in this quarter of an hour since 1970 in UTC; their number for the base
        prices. Raises `ZoneInfoNotFoundError` for a time zone that this machine does not know.
        """
        known = self._places.get(quarter)
        if known is None:
            local = datetime.fromtimestamp(quarter * BUCKET_S, ZoneInfo(self.timezone))
            weekday, minute = local.weekday(), local.hour * 60 + local.minute
            fitting = (n for n, element in enumerate(self.elements) if element.holds(weekday, minute))
            known = self._places[quarter] = next(fitting, len(self.elements))
        return known

    def prices_at(self, place: int) -> tuple[Decimal, Decimal]:
        """(solar, grid) of the element at that place, or the base prices."""
        source: Tariff | TariffElement = self.elements[place] if place < len(self.elements) else self
        return source.price_solar_per_kwh, source.price_grid_per_kwh


def minute_of(time: str) -> int:
    """The minute of the day of an HH:MM. Raises `ValueError` when it is none, or on no quarter of an hour."""
    hour, colon, minute = time.partition(":")
    well_formed = len(time) == 5 and colon and (hour + minute).isascii() and (hour + minute).isdecimal()
    if not well_formed or int(minute) > 59 or int(hour) * 60 + int(minute) > _MINUTES_A_DAY:
        raise ValueError("must be a time of day such as 17:00")
    if int(minute) % 15:
        raise ValueError("must be on a quarter of an hour")
    return int(hour) * 60 + int(minute)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount, half up, to the currency's minor unit."""
    return amount.quantize(Decimal(1).scaleb(-_MINOR_DIGITS.get(currency, 2)), rounding=ROUND_HALF_UP)


def vat_on(amount: Decimal, vat_percent: Decimal, currency: str) -> Decimal:
    """The VAT on an amount without it, half up, to the currency's minor unit."""
    return rounded(amount * vat_percent / 100, currency)


def tariff_at(versions: Sequence[Tariff], ts: datetime) -> Tariff:
    """The version in force at `ts`; the oldest one for anything before it. `versions` is in order and not
    empty.
    """
    chosen = versions[0]
    for version in versions:
        if version.valid_from <= ts:
            chosen = version
    return chosen

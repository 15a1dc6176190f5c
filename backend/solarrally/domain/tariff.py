"""What a session costs: exact decimals, by energy source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

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
class Tariff:
    """One version of a site's prices, in `currency` per kWh. Energy that cannot be attributed costs the
    grid price.
    """

    id: int
    valid_from: datetime
    currency: str
    price_solar_per_kwh: Decimal
    price_grid_per_kwh: Decimal

    def cost(self, *, solar_wh: int, grid_wh: int, unattributed_wh: int) -> Decimal:
        """Exact cost, rounded once, half up, to the currency's minor unit."""
        exact = (
            solar_wh * self.price_solar_per_kwh + (grid_wh + unattributed_wh) * self.price_grid_per_kwh
        ) / 1000
        return exact.quantize(Decimal(1).scaleb(-_MINOR_DIGITS.get(self.currency, 2)), rounding=ROUND_HALF_UP)


def tariff_at(versions: Sequence[Tariff], ts: datetime) -> Tariff:
    """The version in force at `ts`; the oldest one for anything before it. `versions` is in order and not
    empty.
    """
    chosen = versions[0]
    for version in versions:
        if version.valid_from <= ts:
            chosen = version
    return chosen

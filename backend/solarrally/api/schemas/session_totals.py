"""What the sessions of a selection come to, as answered."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from solarrally.api.schemas.stats import Energy, Money, energy_fields
from solarrally.storage.queries import SessionTotals as SessionTotalsRow


class SessionTotals(Energy):
    """Sums over sessions, each whole: its energy until now or to its end, also beyond the asked range."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_count": 24,
                    "active_session_count": 2,
                    "energy_wh": 182_400,
                    "energy_solar_wh": 121_000,
                    "energy_grid_wh": 60_900,
                    "energy_unattributed_wh": 500,
                    "solar_share": 0.6634,
                    "charging_s": 91_200.0,
                    "peak_power_w": 22_050.0,
                    "money": [{"currency": "JMD", "cost": "4280.0000"}],
                }
            ]
        }
    )

    session_count: int
    active_session_count: int = Field(description="Of them those that are running.")
    charging_s: float = Field(description="How long power flowed, of all of them together.")
    peak_power_w: float | None = Field(description="The highest of one session; null: none was measured.")
    money: list[Money] = Field(description="What they cost, by currency; of running ones so far.")

    @classmethod
    def of(cls, totals: SessionTotalsRow) -> SessionTotals:
        return cls.model_validate(
            {
                **energy_fields(totals.energy),
                "session_count": totals.session_count,
                "active_session_count": totals.active_session_count,
                "charging_s": round(totals.charging_s, 3),
                "peak_power_w": totals.peak_power_w,
                "money": [Money.of(money) for money in totals.money],
            }
        )

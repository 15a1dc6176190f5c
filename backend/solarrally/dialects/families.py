"""The families of devices that we understand beside our own format."""

from __future__ import annotations

from typing import Final

from solarrally.dialects.evcc import EVCC
from solarrally.dialects.everest import EVEREST
from solarrally.dialects.family import Family
from solarrally.dialects.goe import GOE
from solarrally.dialects.goe_v1 import GOE_V1
from solarrally.dialects.openevse import OPENEVSE
from solarrally.dialects.smartevse import SMARTEVSE
from solarrally.dialects.tasmota import TASMOTA
from solarrally.dialects.wallbox import WALLBOX
from solarrally.dialects.warp import WARP

FAMILIES: Final[dict[str, Family]] = {
    family.name: family
    for family in (
        OPENEVSE,
        GOE,
        GOE_V1,
        SMARTEVSE,
        WARP,
        EVEREST,
        EVCC,
        WALLBOX,
        TASMOTA,
    )
}
"""By the name in the registry."""

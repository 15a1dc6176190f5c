"""Every simulated family by the name it has on the command line."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from solarrally_sim.vendors.device import Device
from solarrally_sim.vendors.evcc import Evcc
from solarrally_sim.vendors.everest import Everest
from solarrally_sim.vendors.goe import GoE
from solarrally_sim.vendors.goe_v1 import GoEV1
from solarrally_sim.vendors.openevse import OpenEvse
from solarrally_sim.vendors.setup import Setup, SetupError
from solarrally_sim.vendors.smartevse import SmartEvse
from solarrally_sim.vendors.tasmota import Tasmota
from solarrally_sim.vendors.warp import Warp

FAMILIES: Mapping[str, type[Device]] = MappingProxyType(
    {each.family: each for each in (OpenEvse, GoE, GoEV1, SmartEvse, Warp, Everest, Evcc, Tasmota)}
)


def make_device(family: str, device_id: str | None = None, **options: Any) -> Device:
    """A device of that family, not booted yet. Raises `SetupError` with what can be chosen instead.

    `options`: the fields of `Setup`. Without an id it has the one of the vendor's documents.
    """
    if family not in FAMILIES:
        raise SetupError(f"there is no family {family!r}; there are: {', '.join(FAMILIES)}")
    kind = FAMILIES[family]
    try:
        setup = Setup(**options)
    except TypeError as error:
        raise SetupError(str(error)) from None
    return kind(replace(setup, device_id=device_id or setup.device_id or kind.default_id))

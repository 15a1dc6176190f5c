"""Simulated devices of other vendors: one file per family, written from the vendor's documents alone.

For tests that need a device in the process, without a broker and without waiting:

    from solarrally_sim.vendors import make_device

    device = make_device("goe", "000001", seed=7, cycles=2, fault="FiDc")
    now = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
    while not device.is_finished:
        for outgoing in device.tick(now):    # everything due up to `now`, in order: what goes on the wire
            ...                              # .topic .payload (bytes) .qos .retain .at (simulated, UTC)
        now += timedelta(seconds=1)
    answers = device.receive("go-eCharger/000001/frc/set", b"1", now)     # a command, and what it says to it
    device.truth()                           # what really happened, as JSON types: see `truth.py`

`make_device(family, device_id=None, **options)`; the options and their defaults are the fields of
`setup.Setup`. A device boots at the first `tick`. The same family, options and times give the same bytes; how
many ticks the time is cut into changes nothing. Beside that a device says how it wants to be connected:

* `client_id`, `will` (an `Outgoing`, or None where the firmware has none), `subscriptions` (filter, QoS);
* `connected(now)`: what it says on a new connection (the first tick includes that);
* `farewells(now)`: what it says before a polite disconnect, and `leaves_politely`: whether the firmware sends
  a DISCONNECT at all;
* `is_offline`: during a reboot; the connection is to be dropped without a DISCONNECT then.

`FAMILIES` has every family with the names of its faults and quirks. `solarrally-sim device FAMILY` is the
same device on a real broker. Nothing here imports the backend: the decoders and these devices are two
independent readings of the same documents.
"""

from solarrally_sim.vendors.device import Device
from solarrally_sim.vendors.families import FAMILIES, make_device
from solarrally_sim.vendors.outgoing import Outgoing, Subscription
from solarrally_sim.vendors.setup import Setup, SetupError

__all__ = ["FAMILIES", "Device", "Outgoing", "Setup", "SetupError", "Subscription", "make_device"]

"""What an OpenEVSE was asked for over MQTT: override, claim and session limit, and which of them counts.

Sources: OpenEVSE/openevse_esp32_firmware at 1797b7a: `docs/Developers_Guide_MQTT.md`, "Command topics", and
`src/evse_man.h` for the priorities (limit 1100, manual override 1000, MQTT claim 500), `src/limit.cpp`.
"""

from solarrally_sim.vendors.device import object_in

PRIORITY_MQTT = 500
SETTABLE = ("state", "charge_current", "max_current", "auto_release")
LIMIT_TYPES = {"n": "none", "t": "time", "e": "energy", "s": "soc", "r": "range"}

Document = dict[str, object]
NONE: Document = {"state": "null"}


def no_limit() -> Document:
    """As in issue #829."""
    return {"type": "none", "value": 0, "auto_release": True}


class Claims:
    """`override`, `claim` and `limit` as they are; the setters say whether they changed anything."""

    def __init__(self) -> None:
        self.override: Document = {}
        self.claim: Document = {}
        self.limit: Document = no_limit()
        self.versions = {"claims": 0, "override": 0, "limit": 0, "config": 0}

    @property
    def override_document(self) -> Document:
        """What `<base>/override` says."""
        return dict(self.override) or NONE

    @property
    def claim_document(self) -> Document:
        """What `<base>/claim` says."""
        return {"priority": PRIORITY_MQTT, **self.claim} if self.claim else NONE

    @property
    def has_limit(self) -> bool:
        """Whether there is a session limit."""
        return self.limit["type"] != "none"

    @property
    def wanted_state(self) -> object:
        """`active`, `disabled` or None; the override goes before the claim."""
        return self.override.get("state", self.claim.get("state"))

    def most_a(self, ceiling_a: float) -> float:
        """The current that may be offered, at least the 6 A below which there is no charging."""
        currents = [ceiling_a]
        wanted = [self.override.get("charge_current", self.claim.get("charge_current"))]
        for value in (*wanted, self.override.get("max_current"), self.claim.get("max_current")):
            if isinstance(value, int | float):
                currents.append(float(value))
        return max(6.0, min(currents))

    def is_limit_reached(self, *, session_wh: float, session_s: float, soc_percent: float) -> bool:
        """Whether the session has had what it may have; `range` is never known here."""
        wanted = self.limit["value"]
        if not isinstance(wanted, int | float) or wanted <= 0:
            return False
        reached = {"energy": session_wh, "time": session_s / 60.0, "soc": soc_percent}
        return reached.get(str(self.limit["type"]), 0.0) >= wanted

    def set_override(self, text: str, *, is_disabled: bool) -> bool:
        """JSON, `toggle` or `clear`."""
        if text == "clear" or (text == "toggle" and self.override):
            self.override = {}
        elif text == "toggle":
            self.override = {"state": "active" if is_disabled else "disabled", "auto_release": True}
        else:
            merged = _merged(self.override, text, auto_release=True)
            if merged is None:
                return False
            self.override = merged
        self.versions["claims"] += 1
        self.versions["override"] += 1
        return True

    def set_claim(self, text: str) -> bool:
        """JSON or `release`."""
        merged = {} if text == "release" else _merged(self.claim, text, auto_release=False)
        if merged is None:
            return False
        self.claim = merged
        self.versions["claims"] += 1
        return True

    def set_limit(self, text: str) -> bool:
        """JSON or `clear`; a limit without a type or value is none."""
        if text == "clear":
            self.limit = no_limit()
        else:
            said = object_in(text) or {}
            kind, value = LIMIT_TYPES.get(str(said.get("type"))[:1], "none"), said.get("value")
            if kind == "none" or not isinstance(value, int | float) or value <= 0:
                return False
            auto_release = bool(said.get("auto_release", True))
            self.limit = {"type": kind, "value": int(value), "auto_release": auto_release}
        self.versions["limit"] += 1
        return True


def _merged(claim: Document, text: str, *, auto_release: bool) -> Document | None:
    """Properties are set one by one, and removed with `clear`; None when it is no JSON object."""
    said = object_in(text)
    if said is None:
        return None
    merged = {"auto_release": auto_release, **claim}
    for name in SETTABLE:
        if said.get(name) == "clear":
            merged.pop(name, None)
        elif name in said:
            merged[name] = said[name]
    return {name: merged[name] for name in SETTABLE if name in merged}

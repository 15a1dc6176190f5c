"""The situations that someone handles differently, each with the facts to log."""

from __future__ import annotations


class SolarRallyError(Exception):
    """Base of everything this package raises on purpose."""


class SettingsError(SolarRallyError):
    """A setting is wrong or missing: the start stops and the message names it."""


class RejectedMessage(SolarRallyError):
    """A message that cannot be used. It is counted, kept with its reason, and acknowledged.

    `reason` is a stable word (`malformed_json`, `wrong_type`, ...); `field` names the offending field.
    """

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.field = field


class CommandNotTaken(SolarRallyError):
    """A station of this kind cannot be asked for that; the message says why."""


class StoreUnavailable(SolarRallyError):
    """The database cannot be reached or lost the connection: the batch is tried again."""


class StreamError(SolarRallyError):
    """A stream cannot be read now: it is tried again."""


class SiteWithoutTariff(SolarRallyError):
    """Nothing at this site can be priced until somebody gives it a tariff: the batch is tried again."""

    def __init__(self, site_id: int, evse_uid: str) -> None:
        super().__init__(f"site {site_id} of station {evse_uid} has no tariff")
        self.site_id = site_id
        self.evse_uid = evse_uid


class StoreRefused(SolarRallyError):
    """The database refused the content of a batch: some message in it is poison."""


class StoreConflict(SolarRallyError):
    """A reading that was thought to be new is there already: the batch is written again, more carefully."""


class NotLeading(StoreUnavailable):
    """Another ingestor holds the lock: this one stands by."""

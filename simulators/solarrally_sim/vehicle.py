"""How much power a car asks for as its battery fills."""

TAPER_STARTS_AT_SHARE = 0.8
TAPER_ENDS_AT_SHARE = 0.2
PEAK_HOURS = range(17, 20)
PEAK_HOUR_FACTOR = 0.7


def power_share(delivered_share: float) -> float:
    """Share of the station's maximum power (0.2 to 1) once `delivered_share` of the target is in the battery.

    Full power up to 80 % of the target, then a straight line down to 20 % (wire-formats.md 3(a)).
    """
    if delivered_share <= TAPER_STARTS_AT_SHARE:
        return 1.0
    progress = min(1.0, (delivered_share - TAPER_STARTS_AT_SHARE) / (1.0 - TAPER_STARTS_AT_SHARE))
    return 1.0 - progress * (1.0 - TAPER_ENDS_AT_SHARE)


def peak_hour_factor(local_hour: int) -> float:
    """The reduction the station applies between 17 and 20 h local: 0.7, otherwise 1."""
    return PEAK_HOUR_FACTOR if local_hour in PEAK_HOURS else 1.0

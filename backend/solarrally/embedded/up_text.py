"""What `up` says when everything runs."""

from collections.abc import Sequence
from pathlib import Path


def ready_text(
    *,
    api_url: str,
    admin_password: str,
    mqtt_address: str,
    broker_title: str,
    broker_shortcomings: Sequence[str],
    postgres_title: str,
    data_dir: Path,
    took_s: float,
) -> str:
    """Addresses, the login, and three things to try."""
    lines = [
        "",
        f"SolarRally is running ({took_s:.1f} s)       Ctrl-C stops everything and keeps the data",
        "",
        f"  Dashboard  {api_url}",
        f"             user admin, password {admin_password}  (its first one; made for this data folder)",
        f"  API        {api_url}/docs",
        f"  MQTT       {mqtt_address}  {broker_title}",
        *(f"             {shortcoming}" for shortcoming in broker_shortcomings),
        f"  Postgres   {postgres_title}",
        f"  Data       {data_dir}  (secrets.json has the passwords, logs/ what each part says)",
        "",
        "Next:",
        "  open the dashboard and watch a station charge",
        "  ./run sim --help       more stations, outages, other makes of device",
        "  ./run up --fresh       the same with empty data; the old data is put aside",
        "",
    ]
    return "\n".join(lines)

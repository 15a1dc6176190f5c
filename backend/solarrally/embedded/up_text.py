"""What `up` says when everything runs."""

import shlex
from collections.abc import Sequence
from pathlib import Path

EXAMPLE_RECORDING = "tests/payloads/epfl_l3_sessions.csv"


def ready_text(
    *,
    api_url: str,
    admin_password: str | None,
    mqtt_address: str,
    broker_title: str,
    broker_shortcomings: Sequence[str],
    postgres_title: str,
    data_dir: Path,
    environment_file: Path,
    took_s: float,
) -> str:
    """Addresses, the login, and three things to try.

    `admin_password` is None when the first one does not hold any more.
    """
    lines = [
        "",
        f"SolarRally is running ({took_s:.1f} s)       Ctrl-C stops everything and keeps the data",
        "",
        f"  Dashboard  {api_url}/",
        *(f"             {line}" for line in _login(admin_password, environment_file)),
        f"  API        {api_url}/api/v1/docs   (click, log in, try every call)",
        f"  MQTT       {mqtt_address}  {broker_title}",
        *(f"             {shortcoming}" for shortcoming in broker_shortcomings),
        f"  Postgres   {postgres_title}",
        f"  Data       {data_dir}  (secrets.json has the passwords, logs/ what each part says)",
        "",
        "Next, in another terminal:",
        f"  ./run watch --url {api_url}      all stations live; asks for the password",
        f"  . {shlex.quote(str(environment_file))} && ./run sim replay {EXAMPLE_RECORDING} --limit 100",
        "                            100 recorded charging sessions become sessions and bills",
        f"  curl -s {api_url}/readyz            how each part is; ./run up --help for more",
        "",
    ]
    return "\n".join(lines)


def _login(admin_password: str | None, environment_file: Path) -> list[str]:
    if admin_password is None:
        return [
            "user admin, with the password that it was given since",
            f"(forgotten: . {shlex.quote(str(environment_file))} && ./run users set-password admin)",
        ]
    return [f"user admin, password {admin_password}  (its first one; made for this data folder)"]

"""The programs that `up` runs besides database and broker, and the settings it hands to them."""

import sys
from dataclasses import dataclass

from solarrally.embedded.up_options import UpOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One child: its name in messages and log files, and its command."""

    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """What runs once before anything else, and what keeps running."""

    migrate: Program
    ingestor: Program
    api: Program
    simulator: Program | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the parts find each other; the URLs contain passwords."""

    database_url: str
    ingestor_mqtt_url: str
    fleet_mqtt_url: str
    devices_mqtt_url: str
    api_host: str
    api_port: int
    metrics_port: int

    @property
    def api_url(self) -> str:
        """Where a browser goes."""
        return f"http://{self.api_host}:{self.api_port}"


def backend_programs(options: UpOptions) -> Programs:
    """The commands of a normal start."""
    stations = () if options.stations is None else ("--stations", str(options.stations))
    simulator = Program(
        name="simulator", argv=(sys.executable, "-m", "solarrally_sim", "run", "standard", *stations)
    )
    return Programs(
        migrate=Program(name="migrate", argv=(sys.executable, "-m", "solarrally", "migrate")),
        ingestor=Program(name="ingestor", argv=(sys.executable, "-m", "solarrally", "ingest")),
        api=Program(name="api", argv=(sys.executable, "-m", "solarrally", "serve")),
        simulator=simulator if options.simulator else None,
    )


def backend_environment(
    addresses: Addresses, *, jwt_secret: str, admin_password: str
) -> dict[str, str | None]:
    """The settings of migrate, ingest and serve."""
    return {
        "SOLARRALLY_DATABASE_URL": addresses.database_url,
        "SOLARRALLY_MQTT_URL": addresses.ingestor_mqtt_url,
        "SOLARRALLY_JWT_SECRET": jwt_secret,
        "SOLARRALLY_API_HOST": addresses.api_host,
        "SOLARRALLY_API_PORT": str(addresses.api_port),
        "SOLARRALLY_METRICS_PORT": str(addresses.metrics_port),
        "SOLARRALLY_ADMIN_PASSWORD": admin_password,
        "SOLARRALLY_OPEN_DOCS": "true",
        "SOLARRALLY_PUBLIC_STATUS": "true",
        "SOLARRALLY_MAILER": "console",
        "PYTHONUNBUFFERED": "1",
    }


def simulator_environment(addresses: Addresses) -> dict[str, str | None]:
    """The settings of the simulator: it knows the broker, and nothing of the backend."""
    return {
        "SOLARRALLY_SIM_BROKER": addresses.fleet_mqtt_url,
        "SOLARRALLY_SIM_DEVICE_BROKER": addresses.devices_mqtt_url,
        "PYTHONUNBUFFERED": "1",
    }

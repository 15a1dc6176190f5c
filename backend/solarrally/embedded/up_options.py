"""What can be chosen about `solarrally up`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """The choices, each with what it means when left alone. Ports are preferences: busy ones are stepped
    over.
    """

    data_dir: Path | None = None
    """Where everything is kept. None: `.solarrally` in the project, or here when there is no project."""

    fresh: bool = False
    """Start with empty data; the old folder is renamed, never deleted."""

    simulator: bool = True
    """Run a simulated fleet."""

    stations: int | None = None
    """How many simulated stations; None leaves it to the simulator."""

    api_port: int = 8000
    mqtt_port: int = 1883
    postgres_port: int = 5433
    metrics_port: int = 9464

    mosquitto: Path | None = None
    """The Mosquitto to use (SOLARRALLY_MOSQUITTO). None: the installed one, else the Python broker."""

    python_broker: bool = False
    """Use the Python broker although there is a Mosquitto."""

    ready_timeout_s: float = 60.0
    """How long the backend may take to become ready before we give up."""


def default_data_dir() -> Path:
    """`.solarrally` beside the launcher `run`, if we are in the project's own tree; else in the current
    folder.
    """
    project = Path(__file__).parents[3]
    return (project if (project / "run").is_file() else Path.cwd()) / ".solarrally"

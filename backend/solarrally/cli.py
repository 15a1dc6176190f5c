"""The command line: one verb a process, each a few lines that load settings and hand over.

A verb imports what it needs when it is called, after its settings: to import everything takes a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup
from typer.main import get_group

from solarrally.errors import SettingsError, SolarRallyError
from solarrally.logs import configure_logs
from solarrally.settings import Settings, load_settings

log = structlog.get_logger()


class Verbs(TyperGroup):
    """The verbs of this file; those of other files join them when one is called, or all are listed."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of that name, or None."""
        if cmd_name not in self.commands:
            self.commands.update(_verbs_of_other_files())
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all."""
        self.commands.update(_verbs_of_other_files())
        return super().list_commands(ctx)


def _verbs_of_other_files() -> dict[str, Any]:
    from solarrally import export_cli, import_cli, maintain_cli, rejected_cli, stations_cli, users_cli

    others = typer.Typer()
    others.command()(maintain_cli.maintain)
    others.command()(export_cli.export)
    others.command("import")(import_cli.import_file)
    others.add_typer(users_cli.users, name="users")
    others.add_typer(users_cli.roles, name="roles")
    others.add_typer(users_cli.keys, name="keys")
    others.add_typer(stations_cli.stations, name="stations")
    others.add_typer(rejected_cli.app, name="rejected")
    return dict(get_group(others).commands)


app = typer.Typer(
    name="solarrally",
    cls=Verbs,
    help="Telemetry backend for EV charging stations: MQTT in, sessions, bills and a live picture out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

EXIT_SETTINGS = 2
_GC_THRESHOLDS = (200_000, 20, 100)
"""For ingestion: a batch is tens of thousands of objects that live for milliseconds and form no cycles. With
the defaults the collector looks at each of them several times, at a fifth of the processor time.
"""


def main() -> None:
    """Run a command; what went wrong on purpose is one clear message, never a traceback."""
    try:
        app()
    except SettingsError as error:
        Console(stderr=True).print(
            f"[bold red]Cannot start:[/] wrong or missing setting\n{error}", highlight=False
        )
        raise SystemExit(EXIT_SETTINGS) from None
    except SolarRallyError as error:
        Console(stderr=True).print(f"[bold red]Error:[/] {error}", highlight=False)
        raise SystemExit(1) from None


@app.command()
def ingest() -> None:
    """Turn every message of the broker into readings, sessions and bills. Stops on SIGTERM after the batch
    in hand.
    """
    settings = _start()
    from solarrally import wiring

    gc.set_threshold(*_GC_THRESHOLDS)

    async def run() -> None:
        async with wiring.running_ingest(settings) as pipeline:
            _on_stop_signal(pipeline.stop)
            await pipeline.run()
            counts = pipeline.counts
            log.info(
                "ingest_stopped",
                delivered=counts.delivered,
                settled=counts.settled,
                **{fate.value: number for fate, number in sorted(counts.fates.items())},
            )

    _run(run())


@app.command()
def migrate() -> None:
    """Bring the database's schema to the newest version, and make the first site, tariff and admin where
    missing.
    """
    settings = _start()
    from solarrally import database_wiring

    _run(database_wiring.migrate_and_seed(settings))


@app.command()
def serve() -> None:
    """Serve the REST API and the live WebSocket."""
    settings = _start()
    from solarrally import api_wiring

    _run(api_wiring.serve_api(settings))


@app.command()
def up(
    data_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept; default: .solarrally in the project.")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Start with empty data; the old folder is renamed.")] = False,
    sim: Annotated[bool, typer.Option(help="Run a simulated fleet.")] = True,
    stations: Annotated[int | None, typer.Option(min=1, help="How many simulated stations.")] = None,
    api_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Preferred; a busy one is stepped over.")
    ] = 8000,
    mqtt_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Preferred; a busy one is stepped over.")
    ] = 1883,
    python_broker: Annotated[
        bool, typer.Option("--python-broker", help="Use the embedded broker although Mosquitto is there.")
    ] = False,
    mosquitto: Annotated[
        Path | None, typer.Option(envvar="SOLARRALLY_MOSQUITTO", help="The Mosquitto to use.")
    ] = None,
) -> None:
    """Start everything on this machine: database, broker, ingestor, API and a simulated fleet."""
    from solarrally.embedded.up import run_up
    from solarrally.embedded.up_options import UpOptions

    options = UpOptions(
        data_dir=data_dir,
        fresh=fresh,
        simulator=sim,
        stations=stations,
        api_port=api_port,
        mqtt_port=mqtt_port,
        python_broker=python_broker,
        mosquitto=mosquitto,
    )
    raise SystemExit(asyncio.run(run_up(options)))


@app.command()
def watch(
    url: Annotated[str, typer.Option(help="The API's address.")] = "http://127.0.0.1:8000",
    username: Annotated[str, typer.Option(help="Who logs in.")] = "admin",
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, help="Asked for when not given.")
    ] = "",
    max_rate_hz: Annotated[
        float, typer.Option(min=0.1, max=100.0, help="At most so many frames a second.")
    ] = 5.0,
) -> None:
    """Show all stations live in the terminal, over the API's WebSocket. Ctrl-C ends it."""
    from solarrally.watch import watch as live_table

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(live_table(url.rstrip("/"), username, password, max_rate_hz=max_rate_hz))


@app.command("check-config")
def check_config() -> None:
    """Explain every setting: its value (secrets hidden) and its consequence. Fails when one is wrong."""
    settings = load_settings()
    from solarrally import wiring

    wiring.routes(settings)  # knows which families there are
    table = Table(show_lines=False, pad_edge=False)
    for heading in ("variable", "value", "what it does"):
        table.add_column(heading, overflow="fold")
    for name, info in Settings.model_fields.items():
        table.add_row(f"SOLARRALLY_{name.upper()}", str(getattr(settings, name)), info.description or "")
    Console().print(table)


def _start() -> Settings:
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    return settings


def _run(work: Coroutine[Any, Any, None]) -> None:
    if sys.platform == "win32":
        asyncio.run(work)
    else:
        import uvloop

        uvloop.run(work)


def _on_stop_signal(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)

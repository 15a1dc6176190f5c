"""Who may import whom, as data; and that importing a module starts nothing."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BACKEND = ROOT / "backend"
SIMULATORS = ROOT / "simulators"

ALLOWED: dict[str, set[str]] = {
    # the bottom: words everybody shares
    "errors": set(),
    "domain": set(),
    "logs": {"errors"},
    "tabular": {"errors"},
    "terminal": set(),
    "settings": {"errors"},
    # pure: bytes in, readings out; updates in, frames out
    "dialects": {"domain", "errors"},
    "hub": {"domain"},
    # the write path and its ports; it knows no adapter
    "ingest": {"dialects", "domain", "errors"},
    "ingest.ports": {"domain", "errors"},
    "ingest.fates": {"domain", "errors"},
    "metrics": {"ingest", "brokers", "domain"},
    "monitor": {"errors"},
    "stream_metrics": {"metrics", "monitor", "ingest", "domain"},
    # the adapters
    "brokers": {"ingest.ports", "domain", "errors"},
    "storage": {"ingest.ports", "domain", "errors", "tabular"},
    # the read side: routers never see ingest, brokers, dialects, or how the store writes
    "mail": {"errors"},
    "api": {
        "storage.queries", "storage.edits", "storage.users", "storage.audit", "storage.credentials",
        "storage.passwords", "storage.secret_text", "mail", "hub", "tabular", "domain", "errors",
    },
    # PostgreSQL and a broker for `up` and the tests; it could be a package of its own
    "embedded": set(),
    # identities of stations: our authorities, accounts at the broker, things at AWS
    "provisioning": {"errors"},
    # the tops
    "broker_wiring": {"settings", "errors", "brokers", "ingest.ports"},
    "stream_wiring": {
        "settings", "errors", "stream_metrics", "monitor", "domain", "dialects", "ingest", "broker_wiring",
        "brokers", "storage",
    },
    "wiring": {
        "broker_wiring", "stream_wiring", "settings", "errors", "metrics", "monitor", "domain", "dialects",
        "ingest", "brokers", "storage",
    },
    "database_wiring": {"wiring", "settings", "errors", "domain.permission", "storage"},
    "api_wiring": {"wiring", "settings", "errors", "monitor", "dialects", "storage", "hub", "api", "mail"},
    "live_client": {"errors"},
    "watch": {"live_client"},
    "cli": {
        "watch", "wiring", "api_wiring", "database_wiring", "api.app", "settings", "errors", "logs",
        "metrics", "domain", "ingest.pipeline", "storage", "embedded", "maintain_cli", "rejected_cli",
        "export_cli", "import_cli", "users_cli", "stations_cli",
    },
    "rejected_cli": {
        "wiring", "database_wiring", "settings", "errors", "dialects.routes", "storage.rejected",
        "storage.connections",
        "storage.station_routes",
        "rejected_file", "terminal",
    },
    "rejected_file": {"errors", "storage.rejected"},
    "maintain_cli": {"wiring", "database_wiring", "settings", "storage", "rejected_cli"},
    "users_cli": {
        "wiring", "database_wiring", "settings", "errors", "domain.permission", "storage", "terminal",
    },
    "stations_cli": {
        "wiring", "database_wiring", "settings", "errors", "domain.fleet", "storage", "provisioning",
        "authority_cli",
        "station_issuing", "station_moving", "station_registering", "station_revoking", "terminal",
    },
    "station_issuing": {
        "wiring", "settings", "errors", "storage", "provisioning", "authority_cli", "station_registering",
        "terminal",
    },
    "station_moving": {"storage", "provisioning", "station_registering", "terminal"},
    "station_registering": {"wiring", "settings", "errors", "storage", "provisioning", "terminal"},
    "station_revoking": {
        "wiring", "errors", "storage", "provisioning", "authority_cli", "station_registering", "terminal",
    },
    "authority_cli": {"wiring", "errors", "provisioning", "terminal"},
    "export_cli": {
        "wiring", "database_wiring", "settings", "errors", "storage", "tabular", "terminal", "rejected_cli",
    },
    "import_cli": {
        "wiring", "database_wiring", "settings", "errors", "storage", "dialects.offline_log", "domain",
        "terminal",
    },
    "__main__": {"cli"},
    "": set(),
}  # fmt: skip
"""Module or package -> what of ours it may import, beside itself; the longest name that fits counts."""

ONLY_THESE_LIBRARIES: dict[str, set[str]] = {
    "domain": set(),
    "dialects": {"msgspec"},
    "errors": set(),
}
"""What may be imported, beside the standard library, by those that promise to be pure."""

STARTS_SOMETHING = {
    "aiomqtt.Client",
    "asyncio.run",
    "asyncpg.connect",
    "asyncpg.create_pool",
    "fastapi.FastAPI",
    "logging.basicConfig",
    "open",
    "os.environ.get",
    "os.getenv",
    "prometheus_client.CollectorRegistry",
    "prometheus_client.Counter",
    "prometheus_client.Gauge",
    "prometheus_client.Histogram",
    "prometheus_client.Summary",
    "prometheus_client.start_http_server",
    "solarrally.settings.Settings",
    "solarrally.settings.load_settings",
    "solarrally.storage.connections.connect",
    "solarrally.storage.engine.create_engine",
    "solarrally.storage.connections.create_pool",
    "sqlalchemy.create_engine",
    "sqlalchemy.ext.asyncio.create_async_engine",
    "structlog.configure",
    "uvloop.install",
}
"""Calls that make clients, engines, apps or settings, register metrics, or read the environment."""


def modules_of(folder: Path) -> dict[str, Path]:
    """Every module below a source folder, by its dotted name."""
    modules = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def imports_of(source: str, modules: set[str]) -> set[str]:
    """The full names of the modules a source imports, also inside functions and for types only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                found.add("." * node.level + (node.module or ""))
                continue
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name if name in modules else str(node.module) for name in whole)
    return found


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def layer_of(name: str) -> str | None:
    """The entry of ALLOWED for a module (named without `solarrally.`); None when there is none."""
    fitting = [layer for layer in ALLOWED if layer and inside(name, layer)]
    return max(fitting, key=len) if fitting else ("" if name == "" else None)


def complaints(module: str, source: str, modules: set[str]) -> list[str]:
    """What is wrong with the imports of one module of `solarrally`."""
    own = module.removeprefix("solarrally").removeprefix(".")
    layer = layer_of(own)
    if layer is None:
        return [f"{module} is in no layer: add it to ALLOWED"]
    found = []
    for name in sorted(imports_of(source, modules)):
        if name.startswith("."):
            found.append(f"{module} imports relatively: {name}")
        elif inside(name, "solarrally"):
            target = name.removeprefix("solarrally").removeprefix(".")
            if target and not any(inside(target, one) for one in {layer or own, *ALLOWED[layer]}):
                found.append(f"{module} imports {name}")
        elif inside(name, "solarrally_sim"):
            found.append(f"{module} imports the simulators")
        elif layer in ONLY_THESE_LIBRARIES:
            library = name.partition(".")[0]
            if library not in sys.stdlib_module_names | ONLY_THESE_LIBRARIES[layer]:
                found.append(f"{module} is pure and imports {library}")
    return found


def starts_at_import(source: str) -> list[str]:
    """The calls of STARTS_SOMETHING that run when the module is imported, with their lines."""
    tree = ast.parse(source)
    names = full_names(tree)
    found = []
    for node in executed_at_import(tree.body):
        if isinstance(node, ast.Call):
            first, _, rest = ast.unparse(node.func).partition(".")
            full = ".".join(part for part in (names.get(first, first), rest) if part)
            if full in STARTS_SOMETHING:
                found.append(f"line {node.lineno}: {full}")
    return found


def full_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `from a.b import c as d` gives d -> a.b.c."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return names


def executed_at_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Every node outside function bodies; decorators and defaults are inside, as Python runs them."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, node.args]
        elif isinstance(node, ast.Lambda):
            waiting.append(node.args)
        elif not is_script_guard(node):
            waiting += ast.iter_child_nodes(node)


def is_script_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


OURS = {name: path for name, path in modules_of(BACKEND).items() if inside(name, "solarrally")}
"""The dashboard lies beside it: not Python, but for its build."""
SIMULATED = modules_of(SIMULATORS)


def test_the_sources_are_found() -> None:
    assert {"solarrally.domain.reading", "solarrally.storage.tables", "solarrally.cli"} <= OURS.keys()
    assert "solarrally_sim" in SIMULATED


@pytest.mark.parametrize("module", OURS)
def test_a_module_imports_only_what_its_layer_may(module: str) -> None:
    assert complaints(module, OURS[module].read_text(encoding="utf-8"), set(OURS)) == []


@pytest.mark.parametrize("module", SIMULATED)
def test_the_simulators_import_nothing_of_ours(module: str) -> None:
    imported = imports_of(SIMULATED[module].read_text(encoding="utf-8"), set(SIMULATED))

    assert [name for name in imported if inside(name, "solarrally")] == []


@pytest.mark.parametrize("module", OURS | SIMULATED)
def test_nothing_starts_at_import(module: str) -> None:
    assert starts_at_import((OURS | SIMULATED)[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("layer", ALLOWED)
def test_every_layer_of_the_table_exists(layer: str) -> None:
    """A renamed module must not leave its old permission behind."""
    assert f"solarrally.{layer}".rstrip(".") in OURS


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("solarrally.domain.session", "import msgspec", "is pure and imports msgspec"),
        ("solarrally.domain.session", "from solarrally.errors import X", "imports solarrally.errors"),
        ("solarrally.dialects.goe", "import asyncpg", "is pure and imports asyncpg"),
        ("solarrally.hub", "from solarrally.storage import feed", "imports solarrally.storage"),
        ("solarrally.ingest.batch", "from solarrally import settings", "imports solarrally.settings"),
        ("solarrally.ingest.ports", "import solarrally.dialects.native", "imports solarrally.dialects"),
        (
            "solarrally.brokers.mosquitto",
            "from solarrally.ingest.batch import X",
            "imports solarrally.ingest",
        ),
        (
            "solarrally.brokers.aws_iot",
            "from solarrally.settings import Settings",
            "imports solarrally.settings",
        ),
        (
            "solarrally.storage.store",
            "def f():\n    import solarrally.ingest.pipeline",
            "imports solarrally.ingest",
        ),
        ("solarrally.api.sessions", "from solarrally.storage.store import S", "imports solarrally.storage"),
        (
            "solarrally.api.sessions",
            "from solarrally.settings import Settings",
            "imports solarrally.settings",
        ),
        ("solarrally.api.sessions", "from solarrally.dialects import routes", "imports solarrally.dialects"),
        ("solarrally.wiring", "from solarrally.embedded.postgres import X", "imports solarrally.embedded"),
        ("solarrally.embedded.postgres", "from solarrally.settings import X", "imports solarrally.settings"),
        ("solarrally.hub", "import solarrally_sim.fleet", "imports the simulators"),
        ("solarrally.api.deps", "from . import security", "imports relatively"),
        ("solarrally.helpers", "import json", "is in no layer"),
        ("solarrally.domains", "import json", "is in no layer"),
        ("solarrally", "from solarrally.settings import Settings", "imports solarrally.settings"),
    ],
)
def test_a_forbidden_import_is_seen(module: str, source: str, complaint: str) -> None:
    found = complaints(module, source, set(OURS))

    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("solarrally.domain.session", "from solarrally.domain.reading import Reading\nimport math, zlib"),
        ("solarrally.dialects.native", "import msgspec.json\nfrom solarrally.domain import reading"),
        ("solarrally.cli", "from solarrally.embedded.postgres import EmbeddedPostgres"),
        (
            "solarrally.api.app",
            "from solarrally.storage import audit, queries\nfrom solarrally.api import errors",
        ),
        ("solarrally.hub", "from solarrally import __version__"),
    ],
)
def test_a_permitted_import_passes(module: str, source: str) -> None:
    assert complaints(module, source, set(OURS)) == []


@pytest.mark.parametrize(
    "source",
    [
        "from fastapi import FastAPI\napp = FastAPI()",
        "import fastapi as f\nclass A:\n    app = f.FastAPI()",
        "from solarrally.settings import load_settings\nif True:\n    s = load_settings()",
        "import os\ndef f(url=os.environ.get('URL')): ...",
        "import prometheus_client\n@prometheus_client.Summary('a', 'b').time()\ndef f(): ...",
        "from sqlalchemy.ext.asyncio import create_async_engine as make\nengines = [make(url) for url in ()]",
        "text = open('a').read()",
    ],
)
def test_a_start_at_import_is_seen(source: str) -> None:
    assert len(starts_at_import(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from fastapi import FastAPI\ndef build():\n    return FastAPI()",
        "from collections import Counter\nempty = Counter()",
        "import asyncio\nif __name__ == '__main__':\n    asyncio.run(main())",
        "import os\nread = lambda: os.getenv('A')",
    ],
)
def test_what_waits_to_be_called_starts_nothing(source: str) -> None:
    assert starts_at_import(source) == []

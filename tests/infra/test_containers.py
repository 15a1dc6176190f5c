"""What ecs.tf hands to `python -c`: settings made of what ECS gives, and the export into the bucket."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from tests.support.moto_server import aws_environment, running_moto
from tests.support.terraform import INFRA

ENTRY = (INFRA / "container" / "entry.py").read_text()
EXPORT = (INFRA / "container" / "export_yesterday.py").read_text()

GIVEN = {
    "DATABASE_HOST": "db.example.internal",
    "DATABASE_NAME": "solarrally",
    "DATABASE_USER": "solarrally",
    "DATABASE_PASSWORD": "p@ss:/?#[]%w rd",
}

SHOW = """
import json, os, sys
from pathlib import Path
from solarrally.settings import load_settings
settings = load_settings(None)
files = {name: getattr(settings, name) for name in ("mqtt_cert_file", "mqtt_key_file")}
print(json.dumps({
    "arguments": sys.argv[1:],
    "database_url": settings.database_url.get_secret_value(),
    "client_id": settings.mqtt_client_id,
    "files": {name: path.read_text() for name, path in files.items() if path},
    "left": sorted(name for name in os.environ if name.startswith(("DATABASE_", "MQTT_"))),
}))
"""


def entered(given: dict[str, str], *program: str) -> subprocess.CompletedProcess[str]:
    """What ecs.tf has a container do: `python -c ENTRY PROGRAM …`."""
    base = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        [sys.executable, "-c", ENTRY, *program],
        env={**base, **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_address_of_the_database_is_put_together_whatever_the_password() -> None:
    done = entered(GIVEN, sys.executable, "-c", SHOW, "serve")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["database_url"] == (
        "postgresql://solarrally:p%40ss%3A%2F%3F%23%5B%5D%25w%20rd@db.example.internal:5432/solarrally"
        "?sslmode=require"
    )
    assert seen["arguments"] == ["serve"]
    assert seen["left"] == []


def test_with_a_ca_the_server_is_checked() -> None:
    show = "import os; from urllib.parse import urlsplit, parse_qs; " + (
        "q = parse_qs(urlsplit(os.environ['SOLARRALLY_DATABASE_URL']).query); "
        "print(q['sslmode'][0], open(q['sslrootcert'][0]).read())"
    )
    done = entered({**GIVEN, "DATABASE_CA": "the bundle"}, sys.executable, "-c", show)
    assert done.stdout == "verify-full the bundle\n", done.stderr


def test_certificate_and_key_become_files_that_settings_take() -> None:
    given = {
        **GIVEN,
        "MQTT_CERTIFICATE": "the certificate",
        "MQTT_KEY": "the key",
        "MQTT_CLIENT_ID": "solarrally-prod-ingestor",
    }
    done = entered(given, sys.executable, "-c", SHOW)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["files"] == {"mqtt_cert_file": "the certificate", "mqtt_key_file": "the key"}
    assert seen["client_id"].startswith("solarrally-prod-ingestor-")
    assert seen["left"] == []


def test_what_the_task_definition_does_not_give_stops_the_start() -> None:
    given = {name: value for name, value in GIVEN.items() if name != "DATABASE_PASSWORD"}
    done = entered(given, sys.executable, "-c", "print('started')")
    assert done.returncode == 1
    assert "DATABASE_PASSWORD" in done.stderr
    assert done.stdout == ""


def test_the_program_becomes_the_process_itself() -> None:
    """Signals of ECS reach `solarrally` without anybody in between."""
    with subprocess.Popen(
        [sys.executable, "-c", ENTRY, sys.executable, "-c", "import os; print(os.getpid())"],
        env={"PATH": os.environ["PATH"], **GIVEN},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid


@pytest.fixture
def solarrally_that_exports(tmp_path: Path) -> Path:
    """A `solarrally` on the PATH that writes down how it was called, and fails where it is told to."""
    program = tmp_path / "bin" / "solarrally"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "if sys.argv[2] == os.environ.get('FAILS'): sys.exit(3)\n"
        "open(sys.argv[-1], 'w').write(' '.join(sys.argv[1:-1]))\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return program.parent


def test_exports_of_yesterday_reach_the_bucket(solarrally_that_exports: Path) -> None:
    with running_moto() as url:
        environment = {
            **aws_environment(url),
            "PATH": f"{solarrally_that_exports}:{os.environ['PATH']}",
            "EXPORTS_URL": "s3://exports/nightly",
        }
        s3 = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        s3.create_bucket(Bucket="exports")
        before = datetime.now(UTC).date()
        broken = subprocess.run(
            [sys.executable, "-c", EXPORT],
            env={**environment, "FAILS": "sessions"},
            check=False,
            timeout=120,
            stderr=subprocess.DEVNULL,
        )
        assert broken.returncode == 1
        assert "Contents" not in s3.list_objects_v2(Bucket="exports")
        subprocess.run([sys.executable, "-c", EXPORT], env=environment, check=True, timeout=120)
        written = {
            item["Key"]: s3.get_object(Bucket="exports", Key=item["Key"])["Body"].read().decode()
            for item in s3.list_objects_v2(Bucket="exports")["Contents"]
        }
    after = datetime.now(UTC).date()
    expected = [
        {
            f"nightly/{kind}/date={today - timedelta(days=1)}/{kind}.parquet": (
                f"export {kind} --format parquet --date-from {today - timedelta(days=1)} --date-to {today} -o"
            )
            for kind in ("sessions", "readings")
        }
        for today in (before, after)
    ]
    assert written in expected

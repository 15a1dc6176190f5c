"""Makes what the containers of compose.yaml are given: passwords, settings with secrets, certificates.

    python make_secrets.py [--simulator] [--owner UID:GID] [--default-host NAME] [HOST ...]

Run by init.sh inside the image. Nothing that exists is changed, except copies of the ingestor's certificate
and, with the simulator, of the broker's configuration, which are made anew; so it may be run at any time. It
prints no secret.

    secrets/            0700: on this machine only its owner (and root) comes as far as the files
        *_password, *.env, ingestor.key ...   0444: a container sees only those that it is given
        pki/            Mosquitto's user's, made by `solarrally stations`; the broker sees only pki/broker
        stations/       what `solarrally stations provision` hands out
        simulator/      the simulated fleet's account; empty without it
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from solarrally.embedded.broker_users import fleet_user
from solarrally.embedded.mosquitto_files import access_text, passwords_text

HERE = Path(__file__).resolve().parent
MOSQUITTO_UID = 1883
"""Of the user `mosquitto` in the image eclipse-mosquitto, which compose.yaml also gives to `tools`."""
DATABASE_HOST = "postgres"
CLIENT_ID = "SOLARRALLY_MQTT_CLIENT_ID"


def main(arguments: Sequence[str]) -> int:
    """Make what is missing, say what was made. Exit code 1 when a step failed."""
    options = parsed(arguments)
    folder: Path = options.folder
    own_id, group_id = (int(part) for part in options.owner.split(":"))
    if not options.hosts and not (folder / "pki" / "broker" / "broker.pem").exists():
        options.hosts = [options.default_host]
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in ("pki", "stations", "simulator"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    make_passwords(folder)
    make_settings(folder)
    try:
        make_certificates(folder, options.hosts)
    except subprocess.CalledProcessError as failure:
        sys.stderr.write(f"`{' '.join(map(str, failure.cmd))}` failed (exit code {failure.returncode})\n")
        return 1
    if options.simulator or (folder / "simulator" / "passwords").exists():
        make_simulator(folder)  # the configuration is made anew: docker/mosquitto may have changed
    write_env(folder.parent / ".env", has_simulator=(folder / "simulator" / "passwords").exists())
    if os.geteuid() == 0:
        give_away(folder, own_id, group_id)
    sys.stderr.write(
        f"{folder.name}/ is complete. The first login is `admin` with the password in"
        f" {folder.name}/admin_password; Grafana's is `admin` with that in {folder.name}/grafana_password.\n"
        "Next: docker compose up -d\n"
    )
    return 0


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Make passwords, settings and certificates for compose.yaml; what exists stays."
    )
    parser.add_argument("hosts", metavar="HOST", nargs="*", help="names that chargers reach the broker by")
    parser.add_argument("--simulator", action="store_true", help="also what the simulated fleet needs")
    parser.add_argument("--owner", default=f"{os.getuid()}:{os.getgid()}", help="UID:GID of the folder")
    parser.add_argument("--default-host", default="localhost", help="HOST where none is given")
    parser.add_argument("--folder", type=Path, default=HERE / "secrets", help="where; default: secrets/ here")
    return parser.parse_args(arguments)


def make_passwords(folder: Path) -> None:
    """192 random bits each, in letters that need no quoting anywhere."""
    for name in ("postgres", "database", "grafana", "admin"):
        write_once(folder / f"{name}_password", secrets.token_hex(24))


def make_settings(folder: Path) -> None:
    """For each program a file that it reads as .env: no more secrets than it needs."""
    database = f"postgresql://solarrally:{read(folder / 'database_password')}@{DATABASE_HOST}:5432/solarrally"
    common = f"SOLARRALLY_DATABASE_URL={database}\n"
    # The broker's doors share client ids: one that is guessed can be taken over (docs/device-security.md).
    write_once(folder / "ingest.env", f"{common}{CLIENT_ID}=solarrally-ingestor-{secrets.token_hex(8)}\n")
    if CLIENT_ID not in read(folder / "ingest.env"):
        sys.stderr.write(
            f"{folder.name}/ingest.env has no {CLIENT_ID}: the ingestor's client id can be guessed."
            ' docs/operations.md, "Changing the client id", says how to set another without a loss.\n'
        )
    write_once(
        folder / "migrate.env", f"{common}SOLARRALLY_ADMIN_PASSWORD={read(folder / 'admin_password')}\n"
    )
    write_once(folder / "serve.env", f"{common}SOLARRALLY_JWT_SECRET={secrets.token_hex(32)}\n")


def make_certificates(folder: Path, hosts: Sequence[str]) -> None:
    """The authorities, the broker's certificate and the ingestor's, by `solarrally stations`.

    The authorities' keys are encrypted when SOLARRALLY_CA_PASSPHRASE is set. HOSTs that are given make the
    broker's certificate anew.
    """
    pki = folder / "pki"
    if not (pki / "devices-ca.key").exists():
        is_secret = bool(os.environ.get("SOLARRALLY_CA_PASSPHRASE"))
        stations("ca", "init", "--encrypt" if is_secret else "--no-encrypt", pki=pki)
    if hosts:
        names = dict.fromkeys([*hosts, "mosquitto", "localhost"])  # the last two: our own network, and a try
        stations("server-certificate", *names, pki=pki)
    if not (pki / "services" / "ingestor.pem").exists():
        stations("service-certificate", "ingestor", pki=pki)
    for source, copy in (
        ("ca.pem", "broker_ca.pem"),
        ("ingestor.pem", "ingestor.pem"),
        ("ingestor.key", "ingestor.key"),
    ):
        (folder / copy).unlink(missing_ok=True)
        write_once(folder / copy, (pki / "services" / source).read_text())


def stations(*words: str, pki: Path) -> None:
    """Run `solarrally stations`. Raises CalledProcessError, after showing what it said."""
    program = [sys.executable, "-m", "solarrally", "stations", *words, "--pki", str(pki)]
    done = subprocess.run(program, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
    done.check_returncode()


def make_simulator(folder: Path) -> None:
    """The account of the simulated fleet, and the broker's configuration with its listener."""
    password = secrets.token_hex(24)
    if not (folder / "simulator" / "passwords").exists():
        user = fleet_user(password)
        write_once(folder / "simulator" / "passwords", passwords_text([user]))
        write_once(folder / "simulator" / "access", access_text([user]))
        write_once(folder / "simulator_broker_url", f"mqtt://{user.name}:{password}@mosquitto:1883")
    plain, added = HERE / "mosquitto" / "mosquitto.conf", HERE / "simulator" / "listener.conf"
    configuration = folder / "mosquitto.conf"
    configuration.unlink(missing_ok=True)
    write_once(configuration, plain.read_text() + added.read_text())


def write_env(path: Path, *, has_simulator: bool) -> None:
    """What compose.yaml asks of its environment, for people to change; written once."""
    if path.exists() and not has_simulator:
        return
    lines = [] if not path.exists() else path.read_text().splitlines()
    wanted = {
        "# Where ports are published. 0.0.0.0 opens one to the network; put a TLS proxy before the API": None,
        "BIND_MQTT": "127.0.0.1",
        "BIND_API": "127.0.0.1",
        "BIND_PROMETHEUS": "127.0.0.1",
        "BIND_GRAFANA": "127.0.0.1",
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "TRUSTED_PROXIES": "",
        "INGESTORS": "1",
    }
    if has_simulator:
        wanted |= {"MOSQUITTO_CONF": "./secrets/mosquitto.conf", "REGISTER_UNKNOWN_STATIONS": "true"}
    known = {line.partition("=")[0] for line in lines}
    lines += [
        name if value is None else f"{name}={value}" for name, value in wanted.items() if name not in known
    ]
    path.write_text("\n".join(lines) + "\n")


def give_away(folder: Path, own_id: int, group_id: int) -> None:
    """Each file to whom reads it: Mosquitto's to Mosquitto, the folder and .env to whoever started us."""
    for path in (folder, *folder.iterdir(), folder.parent / ".env"):
        os.chown(path, own_id, group_id)
    for name in ("pki", "stations", "simulator"):
        for path in ((folder / name), *(folder / name).rglob("*")):
            os.chown(path, MOSQUITTO_UID, MOSQUITTO_UID)
    os.chmod(folder, 0o700)


def write_once(path: Path, text: str) -> None:
    """Write a file that everybody may read who comes as far; leave one that is there."""
    if path.exists():
        return
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text)
    unfinished.chmod(0o444)
    unfinished.replace(path)


def read(path: Path) -> str:
    return path.read_text().strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Terraform on a copy of infra/, with the provider from wherever this machine keeps it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

INFRA: Final = Path(__file__).parents[2] / "infra"
VARIABLE: Final = "SOLARRALLY_TF_PROVIDER_DIR"
REQUIRED: Final = "SOLARRALLY_REQUIRE_TERRAFORM"
PROVIDER: Final = "registry.terraform.io/hashicorp/aws"
WANTED: Final = "5.*"
"""versions.tf asks for ~> 5.100; Terraform itself refuses what is older."""

SYSTEM: Final = (Path("/usr/local/share"), Path("/usr/share"), Path("/opt"))
"""Below these, images and packages put folders with providers, under names of their own."""

NOT_COPIED: Final = (".terraform", ".terraform.lock.hcl", "terraform.tfstate*", "*.auto.tfvars", "crash.log")
"""What somebody's own runs leave in infra/ is theirs: a copy begins without it."""


class NoTerraform(RuntimeError):
    """Terraform or its provider is missing; the text says which, where it was looked for, and what to do."""


@dataclass(frozen=True, slots=True)
class Terraform:
    """A program, and the folder with its providers; None: it downloads them."""

    program: str
    providers: Path | None


@cache
def find_terraform() -> Terraform:
    """What this machine has. Raises NoTerraform."""
    program = shutil.which("terraform")
    if program is None:
        raise NoTerraform(
            "terraform is not installed (developer.hashicorp.com/terraform/install, 1.11 or newer); "
            "without it nothing looks whether infra/ holds"
        )
    mirror = provider_mirror()
    if mirror is None and os.environ.get(REQUIRED) != "1":
        looked = "\n  ".join(str(place) for place in places())
        raise NoTerraform(
            f"no provider hashicorp/aws {WANTED} on this machine. Looked in\n  {looked}\n"
            f"Get it with `terraform -chdir=infra providers mirror DIR` and name DIR in {VARIABLE}, "
            f"or set {REQUIRED}=1 where Terraform may download it itself"
        )
    return Terraform(program, mirror)


def provider_mirror() -> Path | None:
    """The first folder that holds the provider as `terraform providers mirror` lays it out."""
    return next((place for place in places() if holds_provider(place)), None)


def holds_provider(folder: Path) -> bool:
    """Unpacked, or as the zip that `providers mirror` writes."""
    unpacked = folder.glob(f"{PROVIDER}/{WANTED}/*/terraform-provider-aws*")
    packed = folder.glob(f"{PROVIDER}/terraform-provider-aws_{WANTED}.zip")
    return any(unpacked) or any(packed)


def places() -> Iterator[Path]:
    """Where providers may lie: as we and Terraform are told, where Terraform looks, where images put them."""
    if os.environ.get(VARIABLE):
        yield Path(os.environ[VARIABLE])
    if os.environ.get("TF_PLUGIN_CACHE_DIR"):
        yield Path(os.environ["TF_PLUGIN_CACHE_DIR"])
    yield from named_in_configuration()
    home = Path.home()
    yield home / ".terraform.d" / "plugins"
    yield home / ".terraform.d" / "plugin-cache"
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    yield data / "terraform" / "plugins"
    for root in SYSTEM:
        yield root / "terraform" / "plugins"
        yield root / "terraform" / "providers"
        yield from sorted(path.parent.parent for path in root.glob("*/registry.terraform.io/hashicorp"))


def named_in_configuration() -> Iterator[Path]:
    """Folders that the user's own configuration of Terraform names, where there is one that can be read."""
    path = Path(os.environ.get("TF_CLI_CONFIG_FILE") or Path.home() / ".terraformrc")
    if not path.is_file():
        return
    for line in path.read_text().splitlines():
        name, _, value = (part.strip() for part in line.partition("="))
        if name in ("path", "plugin_cache_dir"):
            yield Path(os.path.expandvars(value.strip('"'))).expanduser()


class Workspace:
    """A copy of infra/ in a folder of the test's own, with its state there too."""

    def __init__(self, folder: Path, environment: Mapping[str, str], source: Path = INFRA) -> None:
        self._terraform = find_terraform()
        self.folder = folder / "infra"
        shutil.copytree(source, self.folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))},
            **environment,
            "TF_CLI_CONFIG_FILE": str(self._configuration(folder)),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "GOGC": "400",  # a quarter less processor time, for some hundred MB of memory
        }

    def override(self, text: str) -> None:
        """Terraform merges files of this name into the others; nothing of the tests is in infra/ itself."""
        (self.folder / "of_the_tests_override.tf").write_text(text)

    def run(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """The command and what it said, whatever its exit code; its output has no colours."""
        return subprocess.run(
            [self._terraform.program, arguments[0], "-no-color", *arguments[1:]],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def must(self, *arguments: str, timeout_s: float = 120) -> str:
        """What it said; an AssertionError with its errors when it failed."""
        done = self.run(*arguments, timeout_s=timeout_s)
        _, error, errors = done.stdout.partition("Error: ")
        said = f"{error}{errors}" if error else "\n".join(done.stdout.splitlines()[-40:])
        assert done.returncode == 0, f"terraform {arguments[0]}: exit code {done.returncode}\n{said}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The answer of a command that can answer in JSON."""
        return json.loads(self.must(arguments[0], "-json", *arguments[1:]))

    def _configuration(self, folder: Path) -> Path:
        """Terraform's own configuration, so that nobody's home decides what a test sees."""
        file = folder / "terraform.rc"
        providers = self._terraform.providers
        file.write_text(
            "disable_checkpoint = true\n"
            if providers is None
            else "disable_checkpoint = true\n"
            "provider_installation {\n"
            f'  filesystem_mirror {{ path = "{providers}" }}\n'
            '  direct { exclude = ["registry.terraform.io/*/*"] }\n'
            "}\n"
        )
        return file

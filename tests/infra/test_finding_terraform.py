"""Where Terraform's provider is looked for, and what is said where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import terraform
from tests.support.terraform import NoTerraform, find_terraform, provider_mirror

VARIABLES = (
    terraform.VARIABLE,
    terraform.REQUIRED,
    "TF_PLUGIN_CACHE_DIR",
    "TF_CLI_CONFIG_FILE",
    "XDG_DATA_HOME",
)


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home without anything in it, and no folder of the system; its path."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(terraform, "SYSTEM", (tmp_path / "opt",))
    monkeypatch.setattr("shutil.which", lambda _: "/bin/terraform")
    find_terraform.cache_clear()
    yield tmp_path
    find_terraform.cache_clear()


def provider_in(folder: Path, version: str = "5.100.0") -> Path:
    place = folder / terraform.PROVIDER / version / "linux_amd64"
    place.mkdir(parents=True)
    (place / f"terraform-provider-aws_v{version}_x5").touch()
    return folder


def test_a_missing_provider_is_said_with_every_place_and_the_cure(bare_machine: Path) -> None:
    with pytest.raises(NoTerraform) as missing:
        find_terraform()
    for place in (".terraform.d/plugins", ".local/share/terraform/plugins", "opt/terraform/plugins"):
        assert str(bare_machine / place) in str(missing.value)
    assert "providers mirror" in str(missing.value)
    assert terraform.VARIABLE in str(missing.value)


def test_where_it_is_required_terraform_may_download_it(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(terraform.REQUIRED, "1")
    assert find_terraform().providers is None


def test_a_missing_program_is_said(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(NoTerraform, match="terraform is not installed"):
        find_terraform()


def test_what_we_are_told_goes_before_what_is_found(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = provider_in(bare_machine / "told")
    provider_in(bare_machine / ".terraform.d" / "plugins")
    monkeypatch.setenv(terraform.VARIABLE, str(told))
    assert provider_mirror() == told


def test_a_folder_of_the_users_own_configuration_is_found(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = provider_in(bare_machine / "mirror")
    configuration = bare_machine / "my.tfrc"
    configuration.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
    )
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(configuration))
    assert provider_mirror() == mirror


def test_a_folder_of_the_system_is_found_by_what_is_in_it(bare_machine: Path) -> None:
    mirror = provider_in(bare_machine / "opt" / "whatever")
    assert provider_mirror() == mirror


def test_a_mirror_of_packed_providers_is_one_too(bare_machine: Path) -> None:
    mirror = bare_machine / ".terraform.d" / "plugins"
    (mirror / terraform.PROVIDER).mkdir(parents=True)
    (mirror / terraform.PROVIDER / "terraform-provider-aws_5.100.0_linux_amd64.zip").touch()
    assert provider_mirror() == mirror


def test_a_provider_of_another_version_is_none(bare_machine: Path) -> None:
    provider_in(bare_machine / ".terraform.d" / "plugins", version="6.1.0")
    assert provider_mirror() is None

"""Terraform for these tests. Where it or its provider is missing: a loud skip, in CI a failure."""

from __future__ import annotations

import os

import pytest

from tests.support.terraform import REQUIRED, NoTerraform, Workspace, find_terraform


@pytest.fixture(scope="session")
def terraform_is_here() -> None:
    """Asked for by every test that runs Terraform."""
    try:
        find_terraform()
    except NoTerraform as missing:
        if os.environ.get(REQUIRED) == "1" or os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def initialised(terraform_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of infra/ with its provider and without a backend: nothing in it can reach AWS."""
    workspace = Workspace(tmp_path_factory.mktemp("terraform"), {})
    workspace.must("init", "-backend=false", "-input=false", timeout_s=300)
    return workspace

"""Rules of our own over the text of infra/: what is open, what is kept, and what is never written there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest

from solarrally.settings import Settings
from tests.support.terraform import INFRA

FILES = sorted(INFRA.glob("*.tf"))
ALL_TEXTS = sorted(
    path
    for path in INFRA.rglob("*")
    if path.is_file() and ".terraform" not in path.parts and path.suffix != ".md"
)
WORLD = ("0.0.0.0/0", "::/0")


@cache
def parsed(path: Path) -> dict[str, Any]:
    with path.open() as file:
        return plain(hcl2.load(file))


def plain(value: Any) -> Any:
    """Newer python-hcl2 keeps the quotes of strings; the rules are about what is in them."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items() if key != "__is_block__"}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def blocks(kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every resource or data source: type, name, arguments."""
    for path in FILES:
        for block in parsed(path).get(kind, []):
            for type_, named in block.items():
                for name, arguments in named.items():
                    yield type_, name, arguments


RESOURCES = list(blocks("resource"))


def of_type(wanted: str) -> list[tuple[str, dict[str, Any]]]:
    found = [(name, arguments) for type_, name, arguments in RESOURCES if type_ == wanted]
    assert found, f"no {wanted} in infra/: this rule looks at nothing"
    return found


def test_only_http_and_https_are_open_to_the_world() -> None:
    rules = of_type("aws_vpc_security_group_ingress_rule") + of_type("aws_vpc_security_group_egress_rule")
    open_ports = {
        name: (rule["from_port"], rule["to_port"]) for name, rule in rules if rule.get("cidr_ipv4") in WORLD
    }
    assert open_ports == {"alb_https": (443, 443), "alb_http": (80, 80), "ingest_to_iot": (443, 443)}


def test_no_address_of_the_world_hides_anywhere_else() -> None:
    lines = [
        f"{path.name}: {line.strip()}"
        for path in FILES
        for line in path.read_text().splitlines()
        if any(world in line for world in WORLD)
    ]
    assert sorted(lines) == sorted(
        [
            *['network.tf: destination_cidr_block = "0.0.0.0/0"'] * 2,
            *['security_groups.tf: cidr_ipv4         = "0.0.0.0/0"'] * 3,
        ]
    )


def test_security_groups_have_no_rules_of_the_old_kind() -> None:
    """Rules inside a group's own block fight with those outside, and the tests above do not see them."""
    for name, group in of_type("aws_security_group"):
        assert not {"ingress", "egress"} & set(group), name
    assert not [type_ for type_, _, _ in RESOURCES if type_ == "aws_security_group_rule"]


def test_every_log_has_an_end() -> None:
    for name, group in of_type("aws_cloudwatch_log_group"):
        assert group["retention_in_days"] == "${var.log_retention_days}", name


def test_everything_is_tagged() -> None:
    providers = [
        block["aws"] for path in FILES for block in parsed(path).get("provider", []) if "aws" in block
    ]
    assert len(providers) == 2
    for provider in providers:
        assert provider["default_tags"][0]["tags"] == "${local.tags}"
    (tags,) = [group["tags"] for path in FILES for group in parsed(path).get("locals", []) if "tags" in group]
    assert set(tags) == {"Project", "Environment", "ManagedBy"}


def test_only_the_aws_provider_is_used() -> None:
    for path in (*FILES, *(INFRA / "bootstrap").glob("*.tf")):
        for block in parsed(path).get("terraform", []):
            for providers in block.get("required_providers", []):
                assert set(providers) == {"aws"}, path
                assert providers["aws"]["version"] == "~> 5.100"
    assert {type_.split("_")[0] for type_, _, _ in RESOURCES} == {"aws"}


def test_no_secret_has_a_value_here() -> None:
    """Neither as an argument, nor as a variable, nor as an output: what Terraform knows is in its state."""
    forbidden = {"password", "secret_string", "secret_binary", "private_key", "auth_token", "master_password"}
    for type_, name, arguments in RESOURCES:
        assert not forbidden & set(arguments), f"{type_}.{name}"
        assert type_ not in ("aws_secretsmanager_secret_version", "aws_iam_access_key", "aws_iam_user"), name
    for path in FILES:
        for block in parsed(path).get("variable", []):
            for name in block:
                assert not re.search(
                    r"(^|_)(password|secret|token|private_key)($|_)", name.replace("fixed_password", "")
                ), name


def test_no_key_or_credential_lies_in_a_file() -> None:
    # Tests and messages of validations name the first lines of keys to refuse them.
    pattern = re.compile(
        r"AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY-----\\?n?[A-Za-z0-9+/]{20}|aws_secret_access_key"
    )
    assert [path for path in ALL_TEXTS if pattern.search(path.read_text())] == []


def test_settings_of_containers_hold_no_secret() -> None:
    text = (INFRA / "ecs.tf").read_text()
    plain_settings = set(re.findall(r"^\s+(SOLARRALLY_\w+)\s+=", text, re.MULTILINE))
    secret_fields = {
        f"SOLARRALLY_{name}".upper()
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert plain_settings
    assert not plain_settings & secret_fields


def test_every_setting_that_is_named_exists() -> None:
    known = {f"SOLARRALLY_{name}".upper() for name in Settings.model_fields}
    known |= {
        "SOLARRALLY_TF_PROVIDER_DIR",
        "SOLARRALLY_REQUIRE_TERRAFORM",
        "SOLARRALLY_",
    }  # of the tests; a prefix
    named = {
        (path.name, name)
        for path in (*ALL_TEXTS, INFRA / "README.md")
        for name in re.findall(r"SOLARRALLY_[A-Z0-9_]*", path.read_text())
    }
    assert len(named) > 15
    assert sorted(f"{file}: {name}" for file, name in named if name not in known) == []


def test_iot_publishing_is_never_allowed_everywhere() -> None:
    for path in FILES:
        for group in parsed(path).get("locals", []):
            for name, document in group.items():
                if name.endswith("_policy") and isinstance(document, dict) and "Statement" in document:
                    for statement in document["Statement"]:
                        resources = statement["Resource"]
                        assert resources != "*", f"{name}: {statement['Sid']}"
                        assert "*" not in (resources if isinstance(resources, list) else []), name


def test_wildcards_of_mqtt_are_in_no_arn() -> None:
    arns = re.findall(r':(?:topic|topicfilter|client)/[^"]*"', "".join(path.read_text() for path in FILES))
    assert arns
    assert [arn for arn in arns if "+" in arn or "#" in arn] == []


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_a_statement_over_everything_says_why(file: Path) -> None:
    """`resources = ["*"]` stands where it must, and nowhere else."""
    unexplained = []
    for block in parsed(file).get("data", []):
        for name, document in block.get("aws_iam_policy_document", {}).items():
            for statement in document.get("statement", []):
                if statement.get("resources") == ["*"] and statement.get("effect") != "Deny":
                    unexplained.append(f"{name}: {', '.join(statement['actions'])}")
    allowed = {
        "kms": {"data_key"},  # in a key's policy it means this key
        "ecs": {"execution"},  # GetAuthorizationToken knows no resource
        "boundary": {"boundary"},  # allows nothing, bounds what is allowed
        "github_oidc": {"github_plan", "github_deploy"},  # settings and identities, read only
    }
    assert {entry.split(":")[0] for entry in unexplained} == allowed.get(file.stem, set()), unexplained


def test_addresses_of_the_page_are_its_start_and_missing_files_stay_missing(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: nobody runs infra/dashboard/page_addresses.js")
    asked = [
        "/",
        "/stations/CP-1",
        "/stations/CP-1.2",
        "/assets/gone.js",
        "/favicon.svg",
        "/config.json",
        "/my",
    ]
    script = tmp_path / "try.js"
    script.write_text(
        (INFRA / "dashboard" / "page_addresses.js").read_text()
        + f"\nconsole.log(JSON.stringify({json.dumps(asked)}.map(uri => handler({{request: {{uri}}}}).uri)));"
    )
    said = subprocess.run([node, str(script)], capture_output=True, text=True, check=True, timeout=30).stdout
    page = "/index.html"
    assert json.loads(said) == [page, page, page, "/assets/gone.js", "/favicon.svg", "/config.json", page]


def test_the_image_has_what_its_tasks_are_started_with() -> None:
    dockerfile = (INFRA.parent / "docker" / "Dockerfile").read_text()
    ecs = (INFRA / "ecs.tf").read_text()
    for expected, made in (
        ('entryPoint             = ["tini", "--", "python"', "install --yes --no-install-recommends tini"),
        ('"/opt/solarrally/healthcheck.py"', "COPY docker/healthcheck.py /opt/solarrally/healthcheck.py"),
        ('user                   = "10001:10001"', "USER 10001:10001"),
    ):
        assert expected in ecs
        assert made in dockerfile


@pytest.mark.parametrize(
    ("module", "service", "local"),
    [("aws_kinesis.py", "kinesis", "kinesis_reader_actions"), ("aws_sqs.py", "sqs", "sqs_reader_actions")],
)
def test_the_ingestor_may_call_what_it_calls(module: str, service: str, local: str) -> None:
    source = (INFRA.parent / "backend" / "solarrally" / "brokers" / module).read_text()
    called = set(re.findall(r"client\.((?:get|list|describe|receive|delete|change)_\w+)", source))
    needed = {
        f"{service}:{''.join(word.title() for word in name.removesuffix('_batch').split('_'))}"
        for name in called
    }
    (allowed,) = [
        group[local] for path in FILES for group in parsed(path).get("locals", []) if local in group
    ]
    assert needed
    assert needed <= set(allowed)


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_files_of_environments_name_variables_that_exist_and_all_that_are_needed(environment: str) -> None:
    declared: dict[str, dict[str, Any]] = {}
    for block in parsed(INFRA / "variables.tf")["variable"]:
        declared.update(block)
    given = parsed(INFRA / "envs" / f"{environment}.tfvars")
    of_the_run = {"image_tag", "ingestor_csr"}  # the build's, and of a key that nobody has made yet
    needed = {name for name, variable in declared.items() if "default" not in variable}
    assert given["environment"] == environment
    assert set(given) - {"__comments__", "__inline_comments__"} <= set(declared)
    assert needed - set(given) == of_the_run

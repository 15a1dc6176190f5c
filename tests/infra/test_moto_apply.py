"""infra/ applied to an AWS of the tests' own, and what then stands there, asked of its API.

What an apply to moto shows: references, order, unique names, well-formed documents, calls that the API takes.
What not: permissions (moto asks nobody), quotas, whether a container starts or reaches anything, what IoT's
policies let through. The slowest test there is: three minutes, most of them the provider's own waits, while
which other tests can run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.moto_server import REGION, aws_environment, running_moto
from tests.support.terraform import Workspace

NAME = "solarrally-staging"
ACCOUNT = "123456789012"

OVERRIDE = """
terraform {
  backend "local" {}
}

provider "aws" {
  max_retries             = 3 # moto answers a missing call with 500, which the provider would repeat for ever
  skip_metadata_api_check = true
}

provider "aws" {
  alias                   = "us_east_1"
  max_retries             = 3
  skip_metadata_api_check = true
}

resource "aws_backup_vault" "this" {
  force_destroy = false # moto cannot list recovery points
}

resource "aws_cloudfront_distribution" "dashboard" {
  wait_for_deployment = false # half a minute before it asks for the first time
}
"""

AT_ONCE = "-parallelism=30"
"""Most of what is being made waits: with Terraform's own 10, others would wait for it."""

Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_moto(tmp_path_factory.mktemp("moto") / "moto.log") as url:
        yield url


@pytest.fixture(scope="module")
def aws(moto: str) -> Client:
    session: Any = boto3.Session(
        region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    return lambda service: session.client(service, endpoint_url=moto)


@pytest.fixture(scope="module")
def variables() -> list[str]:
    """staging as its file says, with everything that is optional, but for what moto cannot do."""
    return [
        "-input=false",
        "-var-file=envs/staging.tfvars",
        "-var=image_tag=0123456789ab",
        "-var=github_repository=example/solarrally",
        "-var=state_bucket=solarrally-terraform-state",
        f'-var=analyst_principals=["arn:aws:iam::{ACCOUNT}:role/analysts"]',
        "-var=has_cloudfront_extras=false",  # moto knows no response headers policy
        "-var=has_fixed_password_rotation=false",  # moto's RDS keeps no secret that could be rotated
    ]


@pytest.fixture(scope="module")
def applied(
    terraform_is_here: None, moto: str, variables: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """infra/ as it stands in moto after one apply."""
    environment = {**aws_environment(moto), "TF_VAR_ingestor_csr": signing_request()}
    workspace = Workspace(tmp_path_factory.mktemp("applied"), environment)
    workspace.override(OVERRIDE)
    workspace.must("init", "-input=false", timeout_s=300)
    workspace.must("apply", "-auto-approve", AT_ONCE, *variables, timeout_s=580)
    return workspace


def signing_request() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ingestor")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


# -- facts ----------------------------------------------------------------------------------------------


def test_the_database_is_encrypted_private_and_keeps_its_own_password(
    applied: Workspace, aws: Client
) -> None:
    (database,) = aws("rds").describe_db_instances()["DBInstances"]
    assert database["StorageEncrypted"]
    assert not database["PubliclyAccessible"]
    assert database["MasterUserSecret"]["SecretArn"]
    assert database["BackupRetentionPeriod"] == 7
    assert not database["MultiAZ"]  # staging
    groups = {group["VpcSecurityGroupId"] for group in database["VpcSecurityGroups"]}
    assert groups == {security_group(aws, "database")}


def test_only_tasks_reach_the_database(applied: Workspace, aws: Client) -> None:
    rules = aws("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [security_group(aws, "database")]}]
    )["SecurityGroupRules"]
    incoming = [rule for rule in rules if not rule["IsEgress"]]
    assert {rule["ReferencedGroupInfo"]["GroupId"] for rule in incoming} == {
        security_group(aws, name) for name in ("api", "ingest", "jobs")
    }
    assert {(rule["FromPort"], rule["ToPort"]) for rule in incoming} == {(5432, 5432)}


def test_tasks_run_without_a_public_address_root_or_a_writable_disk(applied: Workspace, aws: Client) -> None:
    ecs = aws("ecs")
    services = ecs.describe_services(cluster=NAME, services=["api", "ingest"])["services"]
    assert {service["serviceName"]: service["desiredCount"] for service in services} == {
        "api": 1,
        "ingest": 1,
    }
    for service in services:
        network = service["networkConfiguration"]["awsvpcConfiguration"]
        assert network["assignPublicIp"] == "DISABLED"
    for role in ("api", "ingest", "migrate", "export"):
        container = container_of(aws, role)
        assert container["readonlyRootFilesystem"]
        assert container["user"] == "10001:10001"
        assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
        assert container["image"].endswith(":0123456789ab")


def test_containers_get_their_secrets_by_reference(applied: Workspace, aws: Client) -> None:
    secrets = {
        role: names(container_of(aws, role)["secrets"]) for role in ("api", "ingest", "migrate", "export")
    }
    database = {"DATABASE_USER", "DATABASE_PASSWORD"}
    assert secrets == {
        "api": database | {"SOLARRALLY_JWT_SECRET"},
        "ingest": database | {"MQTT_KEY"},
        "migrate": database | {"SOLARRALLY_ADMIN_PASSWORD"},
        "export": database,
    }
    for role in secrets:
        for secret in container_of(aws, role)["secrets"]:
            assert secret["valueFrom"].startswith("arn:aws:secretsmanager:")


def test_the_ingestor_finds_its_stream_queue_and_endpoint(applied: Workspace, aws: Client) -> None:
    environment = {pair["name"]: pair["value"] for pair in container_of(aws, "ingest")["environment"]}
    stream = aws("kinesis").describe_stream_summary(StreamName=environment["SOLARRALLY_AWS_KINESIS_STREAM"])
    assert stream["StreamDescriptionSummary"]["OpenShardCount"] == 1
    assert stream["StreamDescriptionSummary"]["RetentionPeriodHours"] == 168
    assert stream["StreamDescriptionSummary"]["EncryptionType"] == "KMS"
    queue = aws("sqs").get_queue_attributes(
        QueueUrl=environment["SOLARRALLY_AWS_FAILED_QUEUE_URL"], AttributeNames=["All"]
    )["Attributes"]
    assert queue["MessageRetentionPeriod"] == str(14 * 86400)
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"] == 10
    assert environment["SOLARRALLY_AWS_IOT_ENDPOINT"].endswith(".amazonaws.com:443")
    assert environment["SOLARRALLY_BROKER"] == "aws_kinesis"
    assert "BEGIN CERTIFICATE" in environment["MQTT_CERTIFICATE"]


def test_the_rule_puts_what_stations_say_on_the_stream_and_failures_on_the_queue(
    applied: Workspace, aws: Client
) -> None:
    rule = aws("iot").get_topic_rule(ruleName="solarrally_staging_telemetry")["rule"]
    assert rule["sql"] == (
        "SELECT encode(*, 'base64') AS payload, topic() AS topic, timestamp() AS received_at_ms FROM 'evse/#'"
        " WHERE topic(3) <> 'commands' AND topic(3) <> 'acks'"
    )
    assert rule["awsIotSqlVersion"] == "2016-03-23"
    (action,) = rule["actions"]
    assert action["kinesis"]["streamName"] == f"{NAME}-telemetry"
    assert action["kinesis"]["partitionKey"] == "${topic(2)}"
    assert rule["errorAction"]["sqs"]["queueUrl"].endswith(f"{NAME}-failed-actions")
    policy = inline_policy(aws, f"{NAME}-iot-rule", "stream-and-queue")
    assert {statement["Action"] for statement in policy["Statement"]} == {
        "kinesis:PutRecord",
        "sqs:SendMessage",
    }
    assert all("*" not in statement["Resource"] for statement in policy["Statement"])


def test_a_station_is_held_to_its_own_name(applied: Workspace, aws: Client) -> None:
    document = json.loads(aws("iot").get_policy(policyName="solarrally-station")["policyDocument"])
    own = "${iot:Connection.Thing.ThingName}"
    for statement in document["Statement"]:
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            below = (
                resource.split(":", 5)[5]
                .removeprefix("client/")
                .removeprefix("topicfilter/")
                .removeprefix("topic/")
            )
            assert below.removeprefix("evse/").split("/")[0] == own
    (connect,) = [statement for statement in document["Statement"] if statement["Action"] == "iot:Connect"]
    assert connect["Condition"]["Bool"] == {"iot:Connection.Thing.IsAttached": "true"}


def test_the_ingestors_certificate_is_of_its_request_and_active(applied: Workspace, aws: Client) -> None:
    iot = aws("iot")
    (target,) = iot.list_targets_for_policy(policyName="solarrally-ingestor")["targets"]
    certificate = iot.describe_certificate(certificateId=target.split("/")[-1])["certificateDescription"]
    assert certificate["status"] == "ACTIVE"


def test_http_is_redirected_and_https_is_forwarded(applied: Workspace, aws: Client) -> None:
    elb = aws("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    listeners = {
        listener["Port"]: listener
        for listener in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    }
    assert set(listeners) == {80, 443}
    assert listeners[80]["DefaultActions"][0]["Type"] == "redirect"
    assert listeners[443]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    attributes = {
        pair["Key"]: pair["Value"]
        for pair in elb.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])[
            "Attributes"
        ]
    }
    assert attributes["idle_timeout.timeout_seconds"] == "120"
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert attributes["access_logs.s3.enabled"] == "true"
    acl = aws("wafv2").get_web_acl_for_resource(ResourceArn=balancer["LoadBalancerArn"])["WebACL"]
    assert {rule["Name"] for rule in acl["Rules"]} >= {"rate-of-one-address", "AWSManagedRulesCommonRuleSet"}


def test_the_api_waits_for_nothing_of_the_dashboard(applied: Workspace) -> None:
    """CloudFront takes minutes to make, and its certificate's proof as long as DNS does."""
    state = json.loads((applied.folder / "terraform.tfstate").read_text())
    (balancer,) = [resource for resource in state["resources"] if resource["type"] == "aws_lb"]
    waits_for = balancer["instances"][0]["dependencies"]
    assert "aws_s3_bucket_policy.this" in waits_for  # without its leave no access log can be written
    assert [address for address in waits_for if "cloudfront" in address or "acm" in address] == []


def test_buckets_are_closed_and_talk_tls_only(applied: Workspace, aws: Client) -> None:
    s3 = aws("s3")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert {name.removeprefix(f"{NAME}-").removesuffix(f"-{ACCOUNT}") for name in buckets} == {
        "access-logs",
        "dashboard",
        "exports",
    }
    for name in buckets:
        assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
        policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
        assert {"Bool": {"aws:SecureTransport": "false"}} in [
            statement.get("Condition") for statement in policy["Statement"] if statement["Effect"] == "Deny"
        ]
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Deny" or statement["Principal"] not in ("*", {"AWS": "*"})
    config = s3.get_object(Bucket=f"{NAME}-dashboard-{ACCOUNT}", Key="config.json")
    assert json.load(config["Body"]) == {"api_url": "https://api.staging.charge.example.org"}


def test_an_analyst_reads_exports_and_nothing_else(applied: Workspace, aws: Client) -> None:
    policy = inline_policy(aws, f"{NAME}-analyst", "read-exports")
    actions = {action for statement in policy["Statement"] for action in listed(statement["Action"])}
    assert actions == {"s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject", "kms:Decrypt"}
    buckets = {resource for statement in policy["Statement"] for resource in listed(statement["Resource"])}
    assert {resource for resource in buckets if ":s3:" in resource} == {
        f"arn:aws:s3:::{NAME}-exports-{ACCOUNT}",
        f"arn:aws:s3:::{NAME}-exports-{ACCOUNT}/*",
    }


def test_deployments_are_of_one_repository_and_environment(applied: Workspace, aws: Client) -> None:
    trust = aws("iam").get_role(RoleName=f"{NAME}-github-deploy")["Role"]["AssumeRolePolicyDocument"]
    (statement,) = trust["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": "repo:example/solarrally:environment:staging",
    }


def test_every_role_but_githubs_is_bounded(applied: Workspace, aws: Client) -> None:
    iam = aws("iam")
    roles = [
        role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]
    ]
    ours = [name for name in roles if name.startswith(f"{NAME}-")]
    unbounded = [name for name in ours if "PermissionsBoundary" not in iam.get_role(RoleName=name)["Role"]]
    assert len(ours) > 10
    assert sorted(unbounded) == [f"{NAME}-github-deploy", f"{NAME}-github-plan"]


def test_staging_scales_by_load_and_sleeps_at_night(applied: Workspace, aws: Client) -> None:
    scaling = aws("application-autoscaling")
    targets = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert {target["ResourceId"]: (target["MinCapacity"], target["MaxCapacity"]) for target in targets} == {
        f"service/{NAME}/api": (1, 2),
        f"service/{NAME}/ingest": (1, 2),
    }
    alarms = aws("cloudwatch").describe_alarms()["MetricAlarms"]
    policies = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    arns = {policy["PolicyName"]: policy["PolicyARN"] for policy in policies}
    thresholds = {
        alarm["AlarmName"]: (alarm["Threshold"], alarm["AlarmActions"])
        for alarm in alarms
        if "-scale-" in alarm["AlarmName"]
    }
    assert thresholds == {
        f"{NAME}-{service}-scale-{way}": (threshold, [arns[f"{NAME}-{service}-{way}"]])
        for service in ("api", "ingest")
        for way, threshold in (("out", 70.0), ("in", 30.0))
    }
    actions = scaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]
    night = {
        action["ScheduledActionName"]: action["ScalableTargetAction"]["MaxCapacity"] for action in actions
    }
    assert night == {
        f"{NAME}-api-sleep": 0,
        f"{NAME}-api-wake": 2,
        f"{NAME}-ingest-sleep": 0,
        f"{NAME}-ingest-wake": 2,
    }


def test_alarms_for_people_reach_the_topic(applied: Workspace, aws: Client) -> None:
    (topic,) = [topic["TopicArn"] for topic in aws("sns").list_topics()["Topics"]]
    (subscription,) = aws("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert subscription["Endpoint"] == "operations@example.org"
    alarms = aws("cloudwatch").describe_alarms()["MetricAlarms"]
    for_people = [alarm for alarm in alarms if "-scale-" not in alarm["AlarmName"]]
    assert len(for_people) >= 14
    assert all(alarm["AlarmActions"] == [topic] for alarm in for_people)


def test_every_log_ends(applied: Workspace, aws: Client) -> None:
    groups = aws("logs").describe_log_groups()["logGroups"]
    assert {group["logGroupName"]: group.get("retentionInDays") for group in groups} == {
        name: 14
        for name in (
            *(f"/{NAME}/{task}" for task in ("api", "ingest", "migrate", "export", "refused-packets")),
            *(f"/aws/rds/instance/{NAME}/{kind}" for kind in ("postgresql", "upgrade")),
            f"aws-waf-logs-{NAME}",
            "AWSIotLogsV2",
        )
    }


def test_services_of_aws_are_reached_inside_the_vpc(applied: Workspace, aws: Client) -> None:
    endpoints = aws("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    services = {endpoint["ServiceName"].split(f"{REGION}.")[-1]: endpoint for endpoint in endpoints}
    assert set(services) == {"s3", "ecr.api", "ecr.dkr", "logs", "secretsmanager", "kinesis-streams", "sqs"}
    for name, endpoint in services.items():
        policy = json.loads(endpoint["PolicyDocument"])
        assert all("Condition" in statement or name == "s3" for statement in policy["Statement"])
        assert all(listed(statement["Action"]) != ["*"] for statement in policy["Statement"])


def test_nothing_is_in_an_output_that_is_secret(applied: Workspace) -> None:
    outputs = applied.json("output")
    assert outputs["api_url"]["value"] == "https://api.staging.charge.example.org"
    assert not [name for name, output in outputs.items() if output["sensitive"]]
    assert "PRIVATE KEY" not in json.dumps(outputs)


# -- the same again, and the end: in this order, after all facts ----------------------------------------


def test_a_second_plan_makes_and_destroys_nothing(applied: Workspace, variables: list[str]) -> None:
    """moto forgets some fields, so changes in place are its own; a new or vanished resource would be ours."""
    said = applied.must("plan", "-json", AT_ONCE, *variables, timeout_s=400)
    messages = [json.loads(line) for line in said.splitlines()]
    changes = [message["change"] for message in messages if message["type"] == "planned_change"]
    made = [change["resource"]["addr"] for change in changes if change["action"] not in ("update", "read")]
    assert made == []
    assert "change_summary" in {message["type"] for message in messages}


def test_a_destroy_leaves_nothing(applied: Workspace, variables: list[str], aws: Client) -> None:
    """The database goes first, by the API, which refuses a protected one: the provider would wait a minute.

    Terraform destroys it all the same, and insists on the name of a last snapshot, or that there is none.
    """
    aws("rds").delete_db_instance(DBInstanceIdentifier=NAME, SkipFinalSnapshot=True)
    disable_distribution(aws)
    applied.must("destroy", "-auto-approve", "-refresh=false", AT_ONCE, *variables, timeout_s=580)
    assert applied.json("show").get("values", {}).get("root_module", {}) == {}
    assert aws("rds").describe_db_instances()["DBInstances"] == []
    assert aws("s3").list_buckets()["Buckets"] == []


# -- asking ---------------------------------------------------------------------------------------------


def disable_distribution(aws: Client) -> None:
    """One that is enabled cannot be deleted; the provider would disable it, and wait for half a minute."""
    cloudfront = aws("cloudfront")
    (distribution,) = cloudfront.list_distributions()["DistributionList"]["Items"]
    now = cloudfront.get_distribution_config(Id=distribution["Id"])
    cloudfront.update_distribution(
        Id=distribution["Id"],
        IfMatch=now["ETag"],
        DistributionConfig={**now["DistributionConfig"], "Enabled": False},
    )


def container_of(aws: Client, role: str) -> dict[str, Any]:
    (container,) = aws("ecs").describe_task_definition(taskDefinition=f"{NAME}-{role}")["taskDefinition"][
        "containerDefinitions"
    ]
    return dict(container)


def security_group(aws: Client, role: str) -> str:
    (group,) = aws("ec2").describe_security_groups(
        Filters=[{"Name": "tag:Name", "Values": [f"{NAME}-{role}"]}]
    )["SecurityGroups"]
    return str(group["GroupId"])


def inline_policy(aws: Client, role: str, policy: str) -> dict[str, Any]:
    return dict(aws("iam").get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"])


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def names(pairs: list[dict[str, str]]) -> set[str]:
    return {pair["name"] for pair in pairs}

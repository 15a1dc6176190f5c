"""The process of `running_moto`: moto 5.2.5 with the calls that Terraform's provider makes and it lacks.

`python -m tests.support.moto_child FD` serves on the listening socket FD.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from typing import Any

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.backup.responses import BackupResponse
from moto.budgets.responses import BudgetsResponse
from moto.iam.access_control import PermissionResult
from moto.iot.responses import IoTResponse
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.rds.models import RDSBackend
from moto.s3.models import FakeBucket
from werkzeug.serving import make_server

_logging_options: dict[str, Any] = {}
_backup_selections: dict[str, dict[str, Any]] = {}
_create_db_instance_of = RDSBackend.create_db_instance
_describe_another_endpoint = IoTResponse.describe_endpoint
_endpoints: dict[str, Any] = {}


def fill_gaps() -> None:
    """Add the missing calls. One that moto has by then is a reason to delete it here."""
    gaps: dict[type, dict[str, Any]] = {
        IoTResponse: {
            "list_tags_for_resource": lambda _: json.dumps({"tags": []}),
            "set_v2_logging_options": _set_logging_options,
            "get_v2_logging_options": lambda _: json.dumps(_logging_options),
        },
        BudgetsResponse: {
            "list_tags_for_resource": lambda _: json.dumps({"ResourceTags": []}),
            "describe_subscribers_for_notification": _subscribers,
        },
        BackupResponse: {
            "create_backup_selection": _create_backup_selection,
            "get_backup_selection": lambda response: json.dumps(_backup_selections[_last_part(response)]),
            "delete_backup_selection": _delete_backup_selection,
        },
        ApplicationAutoScalingResponse: {"list_tags_for_resource": lambda _: json.dumps({"Tags": {}})},
    }
    for response, calls in gaps.items():
        for name, call in calls.items():
            if hasattr(response, name):
                raise RuntimeError(f"moto has {response.__name__}.{name} now: delete ours")
            setattr(response, name, call)


def correct_answers() -> None:
    """Replace what moto answers otherwise than AWS."""
    answers: tuple[tuple[type, str, Any], ...] = (
        # Another host name each time it is asked for the account's one endpoint.
        (IoTResponse, "describe_endpoint", _describe_endpoint),
        # Bucket policies without their conditions: "nothing without TLS" would refuse everything.
        (FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL),
        # Certificates of an authority that AWS has not: the provider changes it, and waits for RDS once more.
        (RDSBackend, "create_db_instance", _create_db_instance),
    )
    for owner, name, answer in answers:
        getattr(owner, name)  # an AttributeError when moto has renamed it
        setattr(owner, name, answer)


def _set_logging_options(response: IoTResponse) -> str:
    for name in ("roleArn", "defaultLogLevel", "disableAllLogs"):
        _logging_options[name] = response._get_param(name)
    return json.dumps({})


def _describe_endpoint(response: IoTResponse) -> Any:
    kind = response._get_param("endpointType", "iot:Data-ATS")
    if kind not in _endpoints:
        _endpoints[kind] = _describe_another_endpoint(response)
    return _endpoints[kind]


def _create_db_instance(backend: RDSBackend, given: dict[str, Any]) -> Any:
    return _create_db_instance_of(backend, {"ca_certificate_identifier": "rds-ca-rsa2048-g1", **given})


def _subscribers(response: BudgetsResponse) -> str:
    account, name = response._get_param("AccountId"), response._get_param("BudgetName")
    wanted = response._get_param("Notification")
    for notification in response.backend.budgets[account][name].notifications:
        if all(notification.details.get(key) == value for key, value in wanted.items()):
            return json.dumps({"Subscribers": notification.subscribers})
    raise LookupError(f"budget {name} has no notification {wanted}")


def _create_backup_selection(response: BackupResponse) -> str:
    """`PUT /backup/plans/PLAN/selections`."""
    selection_id, plan_id = str(uuid.uuid4()), response.path.split("/plans/")[-1].split("/")[0]
    selection = {"BackupSelection": json.loads(response.body)["BackupSelection"]}
    _backup_selections[selection_id] = {
        **selection,
        "SelectionId": selection_id,
        "BackupPlanId": plan_id,
        "CreationDate": 0,
    }
    return json.dumps({"SelectionId": selection_id, "BackupPlanId": plan_id, "CreationDate": 0})


def _delete_backup_selection(response: BackupResponse) -> str:
    del _backup_selections[_last_part(response)]
    return "{}"


def _last_part(response: BackupResponse) -> str:
    return response.path.rstrip("/").split("/")[-1]


def main(listening_fd: int) -> None:
    """Serve until the signal. AWS managed policies are loaded, as roles of tasks attach them."""
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    fill_gaps()
    correct_answers()
    make_server(
        "127.0.0.1",
        int(os.environ.get("MOTO_PORT", "0")),
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=MotoRequestHandler,
        fd=listening_fd,
    ).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))

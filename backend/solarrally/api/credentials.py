"""What a station proves its identity with. It is made and revoked on the command line, where the keys are."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from solarrally.api.errors import not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import EvseUidPath, ListParameters
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.credentials import Credential, CredentialPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.queries import Window
from solarrally.storage.queries.credentials import CREDENTIAL_ORDERS, CredentialRow, list_credentials

router = APIRouter(tags=["evses"])


class CredentialParameters(ListParameters):
    """In which order."""

    sort: Literal["created_at", "-created_at"] = "-created_at"


@router.get(
    "/evses/{evse_uid}/credentials",
    operation_id="list_evse_credentials",
    responses={200: NEXT_PAGE, **guarded(404)},
)
async def get_evse_credentials(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.EVSE_READ)],
    evse_uid: EvseUidPath,
    parameters: Annotated[CredentialParameters, Query()],
) -> CredentialPage:
    """The certificates and passwords of an EVSE, by what is no secret; revoked ones too, newest first."""

    async def fetch(window: Window[CredentialRow]) -> list[CredentialRow]:
        rows = await list_credentials(services.engine, evse_uid, window)
        if rows is None:
            raise not_found("EVSE")
        return rows

    page = await pager.page("evse-credentials", parameters, CREDENTIAL_ORDERS, fetch, evse_uid=evse_uid)
    return CredentialPage(items=[Credential.of(row) for row in page.rows], next_cursor=page.next_cursor)

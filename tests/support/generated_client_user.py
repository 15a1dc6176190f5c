"""A program of somebody who has generated a client from our OpenAPI; it runs in that client's environment.

Arguments: the address of the API, the password of its users, a session of somebody else's, a bill.
"""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from io import BytesIO
from uuid import UUID

from solarrally_client import AuthenticatedClient, Client
from solarrally_client.api.auth import login
from solarrally_client.api.bills import get_bill_pdf
from solarrally_client.api.evses import list_evses
from solarrally_client.api.imports import create_import
from solarrally_client.api.sessions import get_session, list_sessions
from solarrally_client.models import AccessToken, Evse, ImportDetail, LoginForm, Problem, Session, SessionPage
from solarrally_client.types import File

LOG = b"""timestamp,session_id,power_w,session_total_energy_kwh,status
2026-03-09T12:00:00Z,17,7200,1.25,charging
"""


def logged_in(url: str, username: str, password: str) -> AuthenticatedClient:
    """The client of a user."""
    with Client(base_url=url, raise_on_unexpected_status=True) as client:
        token = login.sync(client=client, body=LoginForm(username=username, password=password))
    assert isinstance(token, AccessToken)
    return AuthenticatedClient(base_url=url, token=token.access_token, raise_on_unexpected_status=True)


def pages_of_sessions(client: AuthenticatedClient, limit: int) -> Iterator[list[Session]]:
    """Page after page, until there is no cursor for a next one."""
    cursor: str | None = None
    while True:
        page = list_sessions.sync(client=client, limit=limit, cursor=cursor)
        assert isinstance(page, SessionPage)
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def told(problem: object) -> dict[str, object]:
    """A refusal, read from its attributes."""
    assert isinstance(problem, Problem)
    errors = [error.field for error in problem.errors] if problem.errors else []
    return {"status": problem.status, "title": problem.title, "type": problem.type_, "fields": errors}


def main(url: str, password: str, of_another: str, bill: str) -> None:
    """Print what came of it all, as JSON."""
    file = File(payload=BytesIO(LOG), file_name="log.csv")
    with logged_in(url, "operator", password) as operator, logged_in(url, "user", password) as driver:
        evses = list_evses.sync(client=operator)
        assert all(isinstance(evse, Evse) for evse in evses.items)
        pages = list(pages_of_sessions(operator, limit=1))
        session = get_session.sync(UUID(of_another), client=operator)
        assert isinstance(session, Session)
        queued = create_import.sync(client=operator, body=file, evse_uid="CP-1")
        assert isinstance(queued, ImportDetail)
        pdf = get_bill_pdf.sync(UUID(bill), client=operator)
        assert isinstance(pdf, File)
        came = {
            "evses": [evse.evse_uid for evse in evses.items],
            "pages": [[str(session.id) for session in page] for page in pages],
            "of_the_driver": [str(session.id) for page in pages_of_sessions(driver, 100) for session in page],
            "session": {
                "id": str(session.id),
                "started_at": session.started_at.isoformat(),
                "status": session.status.value,
                "energy_wh": session.energy_wh,
                "cost": session.cost,
                "token": session.cdr_token.uid,
            },
            "import": {
                "status": queued.status.value,
                "waiting_count": queued.waiting_count,
                "rejected_count": queued.rejected_count,
            },
            "pdf": pdf.payload.read(5).decode(),
            "absent": told(get_session.sync(UUID(of_another), client=driver)),
            "refused": told(list_sessions.sync(client=operator, cursor="no cursor")),
        }
    json.dump(came, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

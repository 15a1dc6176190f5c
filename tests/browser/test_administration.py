"""What administrators and operators do by hand: alerts, people, keys, sites, prices; and what tells of it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Tab
from tests.browser.people import new_password, new_username
from tests.browser.stack import Stack, until
from tests.browser.windows import Windows, send_login


def test_an_alert_is_acknowledged(tab: Tab, stack: Stack) -> None:
    evse_uid = new_username()
    faulted = {"timestamp": datetime.now(UTC).isoformat(), "status": "faulted", "error_code": "GroundFailure"}
    page = tab("operator")
    page.goto("/alerts")
    expect(page.get_by_role("heading", level=1, name="Alerts")).to_be_visible()

    stack.publish(f"evse/{evse_uid}/telemetry", json.dumps(faulted))
    alerts = page.get_by_role("table", name="Open and acknowledged alerts")
    row = alerts.get_by_role("row").filter(has_text=evse_uid)
    expect(row).to_contain_text("Critical")
    row.get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog", name="Acknowledge this alert")
    dialog.get_by_label("Note").fill("somebody is on the way")
    dialog.get_by_role("button", name="Acknowledge").click()

    expect(dialog).to_have_count(0)
    expect(row).to_contain_text(stack.people["operator"].username)
    expect(row).to_contain_text("somebody is on the way")
    expect(row.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_a_user_is_added_with_a_role_and_logs_in(tab: Tab, windows: Windows) -> None:
    username, password = new_username(), new_password()
    page = tab("admin")
    page.goto("/admin/users")

    page.get_by_role("button", name="Add user").click()
    dialog = page.get_by_role("dialog", name="Add a user")
    dialog.get_by_label("Username").fill(username)
    dialog.get_by_label("First password", exact=True).fill(password)
    dialog.get_by_label("Role").select_option("guest")
    dialog.get_by_role("button", name="Add user").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("searchbox", name="Search").fill(username)
    page.get_by_role("button", name=f"Change {username}").click()
    change = page.get_by_role("dialog", name=f"Change {username}")
    change.get_by_label("Role").select_option("operator")
    change.get_by_role("button", name="Save").click()
    expect(change).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text=username)).to_contain_text("operator")

    newcomer = windows.open()
    newcomer.goto("/")
    send_login(newcomer, username, password)
    expect(newcomer.get_by_role("heading", level=1, name="Overview")).to_be_visible()


def test_an_api_key_is_shown_once_and_holds_until_it_is_revoked(tab: Tab, stack: Stack) -> None:
    name = new_username()
    page = tab("admin")
    page.goto("/admin/api-keys")

    page.get_by_role("button", name="Make a key").click()
    making = page.get_by_role("dialog", name="Make an API key")
    making.get_by_label("Name").fill(name)
    making.get_by_role("group", name="Sessions").get_by_role("checkbox").first.check()
    making.get_by_role("button", name="Make key").click()
    shown = page.get_by_role("dialog", name=f"The key {name}")
    secret = shown.get_by_label("API key").input_value()
    assert secret.startswith("srk_")
    assert status_with(stack, secret) == httpx.codes.OK
    shown.get_by_role("button", name="I have it").click()
    expect(shown).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("Active")
    assert secret not in page.content()

    page.get_by_role("button", name=f"Revoke {name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    assert status_with(stack, secret) == httpx.codes.UNAUTHORIZED


def status_with(stack: Stack, secret: str) -> int:
    """How the API answers to that key."""
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.get(f"{stack.url}/api/v1/sessions?limit=1", headers=headers, trust_env=False).status_code


def test_a_site_and_its_station_come_and_go(tab: Tab) -> None:
    site, evse_uid = f"Site {new_username()}", new_username()
    page = tab("admin")
    page.goto("/admin/sites")
    page.get_by_role("button", name="Add site").click()
    dialog = page.get_by_role("dialog", name="Add a site")
    dialog.get_by_label("Name", exact=True).fill(site)
    dialog.get_by_label("Time zone").fill("America/Jamaica")
    dialog.get_by_label("Currency", exact=True).fill("JMD")
    dialog.get_by_label("Solar, JMD/kWh").fill("12.50")
    dialog.get_by_label("Grid, JMD/kWh").fill("55")
    dialog.get_by_label("VAT, %").fill("15")
    dialog.get_by_role("button", name="Add site").click()
    expect(dialog).to_have_count(0)
    expect(row_of(page, site)).to_contain_text("JMD")

    page.get_by_role("link", name=f"Stations of {site}").click()
    page.get_by_role("button", name="Add station").click()
    dialog = page.get_by_role("dialog", name="Add a station")
    dialog.get_by_label("Station ID").fill(evse_uid)
    expect(dialog.get_by_role("combobox", name="Site").locator("option:checked")).to_have_text(site)
    dialog.get_by_role("button", name="Add station").click()
    expect(dialog).to_have_count(0)
    expect(row_of(page, evse_uid)).to_contain_text(site)

    delete(page, evse_uid, "Delete station")
    page.goto("/admin/sites")
    delete(page, site, "Delete site")


def row_of(page: Page, name: str) -> Locator:
    """The row of a table that tells of that."""
    return page.get_by_role("row").filter(has_text=name)


def delete(page: Page, name: str, action: str) -> None:
    """Delete what a row tells of, and see it gone."""
    row_of(page, name).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name=action).click()
    expect(row_of(page, name)).to_have_count(0)


def test_a_tariff_is_tried_on_a_past_session(tab: Tab, stack: Stack) -> None:
    session, _ = stack.newest_bill()
    page = tab("admin")
    page.goto("/admin/tariffs")
    page.get_by_role("button", name="New tariff").click()
    dialog = page.get_by_role("dialog", name=re.compile("^New tariff for"))
    dialog.get_by_label("Solar, JMD/kWh").first.fill("1000")
    dialog.get_by_label("Grid, JMD/kWh").first.fill("1000")
    dialog.get_by_label("Session, begun in").select_option(session["id"])

    dialog.get_by_role("button", name="Show what it would cost").click()

    expect(dialog.get_by_role("table", name="The session line by line")).to_contain_text("JMD")
    expect(dialog.get_by_role("definition").filter(has_text=re.compile(r"^\+JMD"))).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)


def test_a_rejected_message_is_shown_with_what_to_do(tab: Tab, stack: Stack) -> None:
    evse_uid = new_username()
    stack.publish(f"evse/{evse_uid}/telemetry", "this is no JSON")
    until(lambda: stack.get(f"/rejected-messages?evse_uid={evse_uid}")["items"], "it is rejected")
    page = tab("operator")
    page.goto(f"/admin/rejected?station={evse_uid}")

    row = page.get_by_role("table", name="Rejected messages").get_by_role("row").filter(has_text=evse_uid)
    expect(row).to_contain_text("No JSON")
    row.get_by_role("button", name="Show message").click()

    dialog = page.get_by_role("dialog", name="Rejected message")
    expect(dialog).to_contain_text("this is no JSON")
    expect(dialog).to_contain_text("a device with a small buffer cuts it short")


def test_the_audit_log_tells_who_did_what(tab: Tab, stack: Stack) -> None:
    person = stack.newcomer("guest")
    page = tab("admin")
    page.goto("/admin/audit?action=user.create")

    newest = page.get_by_role("table", name="Audit log").get_by_role("row").nth(1)
    expect(newest).to_contain_text("User made")
    expect(newest).to_contain_text("admin")
    newest.get_by_role("button", name="Details").click()
    expect(page.get_by_role("dialog")).to_contain_text(person.username)

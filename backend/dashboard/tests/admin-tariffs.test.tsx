// Tariffs: what holds, what is to come, a new one, and what it would have changed.
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import Tariffs from "../src/views/admin/Tariffs";
import { SITE, tariff } from "./adminRows";
import { type Asked, DRIVER, me, page, show } from "./page";

const coming = tariff({ id: 2, is_current: false, valid_from: "2100-01-01T05:00:00Z" });
const listed = (asked: Asked) =>
  page(asked.query.get("is_current") === "true" ? [tariff()] : [coming, tariff()]);
const LISTS = { "GET /api/v1/sites": page([SITE]), "GET /api/v1/tariffs": listed };
const SESSION = {
  id: "5f0c0000-0000-4000-8000-000000000001",
  evse_uid: "CP-1",
  started_at: "2026-11-20T22:00:00Z",
  energy_wh: 1250,
  cost: "62.50",
  currency: "JMD",
};
const user = userEvent.setup();

test("a driver reads the prices without the sites' names and without changing them", async () => {
  await show(<Tariffs params={{}} />, { who: me(DRIVER), answers: LISTS });
  expect(await screen.findByRole("option", { name: "Site 1" })).toBeDefined();
  expect(screen.getAllByText("JMD 50.00/kWh").length).toBeGreaterThan(0);
  expect(screen.queryByRole("button", { name: /New tariff|Take back/ })).toBeNull();
});

test("a tariff to come can be taken back, one in force cannot", async () => {
  const shown = await show(<Tariffs params={{}} />, {
    answers: { ...LISTS, "DELETE /api/v1/tariffs/2": undefined },
  });
  const buttons = await screen.findAllByRole("button", { name: /^Take back/ });
  expect(buttons.map((button) => button.getAttribute("aria-label"))).toEqual([
    expect.stringContaining("2100"),
  ]);
  await user.click(buttons[0] as HTMLElement);
  await user.click(screen.getByRole("button", { name: "Take back" }));
  await screen.findByText("The tariff is taken back.");
  expect(shown.asked.some((one) => one.method === "DELETE")).toBe(true);
});

test("a new tariff begins with the present prices and is sent as typed, from an instant of the site's zone", async () => {
  const shown = await show(<Tariffs params={{}} />, {
    answers: { ...LISTS, "POST /api/v1/tariffs": coming },
  });
  await user.click(await screen.findByRole("button", { name: "New tariff" }));
  const dialog = within(screen.getByRole("dialog"));
  await user.type(dialog.getByLabelText("In force from, in America/Jamaica"), "2100-01-01T00:00");
  await user.click(dialog.getByRole("button", { name: "Add a time of day" }));
  const time = within(dialog.getByRole("group", { name: /Time of day/ }));
  await user.click(time.getByLabelText("Saturday"));
  await user.clear(time.getByLabelText("Grid, JMD/kWh"));
  await user.type(time.getByLabelText("Grid, JMD/kWh"), "80.1000");
  expect(dialog.getByRole("img", { name: /time 1: 4\sh, base prices: 164\sh/ })).toBeDefined();
  await user.click(dialog.getByRole("button", { name: "Set tariff" }));
  await screen.findByText(/Main site has these prices from/);
  expect(shown.asked.find((one) => one.method === "POST")?.body).toEqual({
    site_id: 1,
    currency: "JMD",
    valid_from: "2100-01-01T05:00:00.000Z",
    price_solar_per_kwh: "10.00",
    price_grid_per_kwh: "50.00",
    vat_percent: "15.00",
    elements: [
      {
        day_of_week: ["SATURDAY"],
        start_time: "17:00",
        end_time: "21:00",
        price_solar_per_kwh: "10.00",
        price_grid_per_kwh: "80.1000",
      },
    ],
  });
});

test("a preview shows the exact difference, and not once the prices have changed", async () => {
  const preview = {
    session_id: SESSION.id,
    currency: "JMD",
    lines: [],
    total: "90071992547409.93",
    vat: "0.00",
    total_incl_vat: "90071992547409.93",
    present_total: "90071992547409.91",
    present_total_incl_vat: "90071992547409.91",
  };
  const shown = await show(<Tariffs params={{}} />, {
    answers: {
      ...LISTS,
      "GET /api/v1/sessions": page([SESSION]),
      "POST /api/v1/tariffs/preview": preview,
    },
  });
  await user.click(await screen.findByRole("button", { name: "New tariff" }));
  const dialog = within(screen.getByRole("dialog"));
  await user.click(await dialog.findByRole("button", { name: "Show what it would cost" }));
  expect(await dialog.findByText("+JMD 0.02")).toBeDefined();
  const asked = shown.asked.find((one) => one.path === "/api/v1/sessions");
  expect([asked?.query.get("site_id"), asked?.query.get("status")]).toEqual(["1", "COMPLETED"]);
  await user.type(dialog.getByLabelText("VAT, %"), "0");
  expect(dialog.queryByText("+JMD 0.02")).toBeNull();
  await user.type(dialog.getByLabelText("VAT, %"), "x");
  expect(dialog.getByText("0 to 100, with at most 2 decimals")).toBeDefined();
  expect(dialog.getByRole("button", { name: "Show what it would cost" })).toHaveProperty("disabled", true);
});

test("the session first offered for a preview is one with energy in it", async () => {
  const empty = { ...SESSION, id: "0b7c7a3e-0000-4000-8000-000000000000", energy_wh: 0 };
  await show(<Tariffs params={{}} />, {
    answers: { ...LISTS, "GET /api/v1/sessions": page([empty, SESSION]) },
  });
  await user.click(await screen.findByRole("button", { name: "New tariff" }));
  const session = await within(screen.getByRole("dialog")).findByLabelText(/^Session, begun in/);
  expect(session).toHaveProperty("value", SESSION.id);
});

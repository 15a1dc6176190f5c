// Stations: the register, its filters in the address, and what is sent for each change.
import { act, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import Stations from "../src/views/admin/Stations";
import { evse, SITE } from "./adminRows";
import { me, OPERATOR, page, problem, show } from "./page";

const LISTS = { "GET /api/v1/sites": page([SITE]), "GET /api/v1/evses": page([evse()]) };
const user = userEvent.setup();

test("an operator reads the register and cannot change it", async () => {
  await show(<Stations params={{}} />, { who: me(OPERATOR), answers: LISTS });
  expect((await screen.findByRole("link", { name: "CP-1" })).getAttribute("href")).toBe("/stations/CP-1");
  expect(screen.getByText("7.40 kW")).toBeDefined();
  expect(screen.getByText("1.2.3")).toBeDefined();
  expect(screen.queryByRole("button", { name: /Add|Change|Disable|Delete/ })).toBeNull();
});

test("the filters of the address are asked for, and can be dropped when nothing is found", async () => {
  const answers = { ...LISTS, "GET /api/v1/evses": page([]) };
  const at = "/admin/stations?q=cp&site=1&online=no&enabled=yes";
  const shown = await show(<Stations params={{}} />, { answers, at });
  const all = await screen.findByRole("button", { name: "Show all stations" });
  const listed = shown.asked.find((one) => one.path === "/api/v1/evses" && one.query.has("q"));
  expect(Object.fromEntries(listed?.query ?? [])).toEqual({
    q: "cp",
    site_id: "1",
    is_online: "false",
    is_enabled: "true",
    sort: "evse_uid",
  });
  await user.click(all);
  expect(window.location.search).toBe("");
});

test("whether a station is online is live", async () => {
  const shown = await show(<Stations params={{}} />, { answers: LISTS });
  expect(await screen.findByText("Online", { selector: "td span" })).toBeDefined();
  const update = { evse_uid: "CP-1", site_id: 1, connector_id: 1, is_online: false, status: null };
  act(() => shown.picture.replace({ type: "snapshot", updates: [update] } as never));
  expect(await screen.findByText("Offline", { selector: "td span" })).toBeDefined();
});

test("an offline station was heard when its last reading was made, not when that was imported", async () => {
  const [connector] = evse().connectors;
  const made = new Date(Date.now() - 20 * 86_400_000).toISOString();
  const imported = { ...connector, ts: made, received_at: new Date().toISOString() } as typeof connector;
  const answers = {
    ...LISTS,
    "GET /api/v1/evses": page([evse({ is_online: false, connectors: imported ? [imported] : [] })]),
  };
  await show(<Stations params={{}} />, { answers });
  expect(await screen.findByText(/^20\sd ago$/)).toBeDefined();
});

test("a station is added with its connectors, power in W", async () => {
  const shown = await show(<Stations params={{}} />, {
    answers: { ...LISTS, "POST /api/v1/evses": evse() },
  });
  await user.click(await screen.findByRole("button", { name: "Add station" }));
  const dialog = within(screen.getByRole("dialog"));
  await user.type(dialog.getByLabelText("Station ID"), "CP-2");
  await user.selectOptions(await dialog.findByLabelText("Site"), "1");
  await user.type(dialog.getByLabelText("Highest power, kW (optional)"), "7.36");
  await user.click(dialog.getByRole("button", { name: "Add a connector" }));
  const second = within(dialog.getByRole("group", { name: "Connector 2" }));
  await user.selectOptions(second.getByLabelText("Standard"), "CHADEMO");
  await user.click(dialog.getByRole("button", { name: "Add station" }));
  await screen.findByText(/CP-2 is registered/);
  const unsaid = { standard: null, format: null, power_type: null };
  expect(shown.asked.find((one) => one.method === "POST")?.body).toEqual({
    evse_uid: "CP-2",
    site_id: 1,
    name: null,
    dialect: "native",
    base_topic: null,
    max_power_w: 7360,
    credentials_ref: null,
    is_enabled: true,
    connectors: [
      { connector_id: 1, ...unsaid },
      { connector_id: 2, ...unsaid, standard: "CHADEMO" },
    ],
  });
});

test("only what was changed is sent, and a move is explained", async () => {
  const other = { ...SITE, id: 2, name: "Harbour" };
  const answers = {
    ...LISTS,
    "GET /api/v1/sites": page([SITE, other]),
    "PATCH /api/v1/evses/CP-1": evse(),
  };
  const shown = await show(<Stations params={{}} />, { answers });
  await user.click(await screen.findByRole("button", { name: "Change CP-1" }));
  const dialog = within(screen.getByRole("dialog"));
  await user.selectOptions(dialog.getByLabelText("Site"), "Harbour");
  expect(dialog.getByText(/Those before stay with the old one/)).toBeDefined();
  await user.click(dialog.getByRole("button", { name: "Save" }));
  await screen.findByText(/CP-1 is changed/);
  expect(shown.asked.find((one) => one.method === "PATCH")?.body).toEqual({ site_id: 2 });
});

test("a station with a history cannot be deleted; disabling it is offered instead", async () => {
  const answers = {
    ...LISTS,
    "DELETE /api/v1/evses/CP-1": problem(409, "This cannot be done as things are."),
    "PATCH /api/v1/evses/CP-1": evse({ is_enabled: false }),
  };
  const shown = await show(<Stations params={{}} />, { answers });
  await user.click(await screen.findByRole("button", { name: "Delete CP-1" }));
  await user.click(screen.getByRole("button", { name: "Delete station" }));
  await user.click(await screen.findByRole("button", { name: "Disable it instead" }));
  await user.click(screen.getByRole("button", { name: "Disable station" }));
  await screen.findByText("CP-1 is disabled.");
  expect(shown.asked.find((one) => one.method === "PATCH")?.body).toEqual({ is_enabled: false });
});

// Sites: what is sent when one is added, changed or deleted, and who may.
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import Sites from "../src/views/admin/Sites";
import { SITE } from "./adminRows";
import { me, OPERATOR, page, problem, show } from "./page";

const SITES = { "GET /api/v1/sites": page([SITE]) };
const user = userEvent.setup();

test("an operator reads the sites and cannot change them", async () => {
  await show(<Sites params={{}} />, { who: me(OPERATOR), answers: SITES });
  expect(await screen.findByText("Kingston, JAM")).toBeDefined();
  expect(screen.queryByRole("button", { name: /Add|Change|Delete/ })).toBeNull();
});

test("without sites the page says what to do", async () => {
  await show(<Sites params={{}} />, { answers: { "GET /api/v1/sites": page([]) } });
  expect(await screen.findByText(/stations and prices belong to a site/)).toBeDefined();
});

test("when sites do not come the page says why and lets try again", async () => {
  const answers = { "GET /api/v1/sites": problem(503, "The database is away.") };
  await show(<Sites params={{}} />, { answers });
  expect(await screen.findByText("The database is away.")).toBeDefined();
  expect(screen.getByRole("button", { name: "Try again" })).toBeDefined();
});

test("a site is added with its first prices as they are typed", async () => {
  const shown = await show(<Sites params={{}} />, { answers: { ...SITES, "POST /api/v1/sites": SITE } });
  await user.click(await screen.findByRole("button", { name: "Add site" }));
  const dialog = within(screen.getByRole("dialog"));
  await user.type(dialog.getByLabelText("Name"), "Harbour");
  await user.clear(dialog.getByLabelText("Time zone"));
  await user.click(dialog.getByLabelText("Time zone"));
  await user.paste("America/Jamaica");
  await user.type(dialog.getByLabelText("Currency"), "JMD");
  await user.type(dialog.getByLabelText("Solar, JMD/kWh"), "10.10");
  await user.type(dialog.getByLabelText("Grid, JMD/kWh"), "50");
  await user.type(dialog.getByLabelText("Latitude, °"), "17.97");
  await user.click(dialog.getByRole("button", { name: "Add site" }));
  expect(await screen.findByText("Harbour is a site now.")).toBeDefined();
  expect(shown.asked.find((one) => one.method === "POST")?.body).toMatchObject({
    name: "Harbour",
    timezone: "America/Jamaica",
    currency: "JMD",
    price_solar_per_kwh: "10.10",
    price_grid_per_kwh: "50",
    vat_percent: "0",
    latitude_deg: 17.97,
    longitude_deg: null,
    city: null,
  });
});

test("another time zone is warned of, and only it is sent", async () => {
  const shown = await show(<Sites params={{}} />, { answers: { ...SITES, "PATCH /api/v1/sites/1": SITE } });
  await user.click(await screen.findByRole("button", { name: "Change Main site" }));
  const dialog = within(screen.getByRole("dialog"));
  expect(dialog.getByLabelText("Currency")).toHaveProperty("readOnly", true);
  await user.clear(dialog.getByLabelText("Time zone"));
  await user.click(dialog.getByLabelText("Time zone"));
  await user.paste("America/Panama");
  expect(dialog.getByText(/Tariffs that exist keep the clocks of America\/Jamaica/)).toBeDefined();
  await user.click(dialog.getByRole("button", { name: "Save" }));
  await screen.findByText("Main site is changed.");
  expect(shown.asked.find((one) => one.method === "PATCH")?.body).toEqual({ timezone: "America/Panama" });
});

test("a site that cannot be deleted stays, and the reason is shown", async () => {
  const refusal = problem(409, "This cannot be done as things are.", [
    { field: "site_id", message: "stations stand there" },
  ]);
  await show(<Sites params={{}} />, { answers: { ...SITES, "DELETE /api/v1/sites/1": refusal } });
  await user.click(await screen.findByRole("button", { name: "Delete Main site" }));
  await user.click(screen.getByRole("button", { name: "Delete site" }));
  expect((await screen.findByRole("alert")).textContent).toContain("stations stand there");
});

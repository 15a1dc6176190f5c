// Which stations are free: for who is logged in, live, and for everybody on the public page.
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, test, vi } from "vitest";
import { noteServerTime } from "../src/clock";
import FreeStations from "../src/views/status/FreeStations";
import PublicStatus from "../src/views/status/PublicStatus";
import { GUEST, me, page, problem, show } from "./page";

const guest = me(GUEST, { role: "guest" });

function station(evse_uid: string, status: string, site = 1) {
  return {
    evse_uid,
    name: null,
    site_id: site,
    site_name: site === 1 ? "Ocho Rios" : "Kingston",
    timezone: "America/Jamaica",
    is_online: true,
    connectors: [{ connector_id: 1, status }],
  };
}

const STATIONS = page([
  station("CP-1", "charging"),
  station("CP-2", "available"),
  station("CP-10", "available"),
  station("KT-1", "faulted", 2),
]);

function names(): (string | null)[] {
  return screen.getAllByRole("heading", { level: 3 }).map((heading) => heading.textContent);
}

describe("free stations", () => {
  test("come first, by site, with how many are free", async () => {
    await show(<FreeStations params={{}} />, {
      who: guest,
      answers: { "GET /api/v1/evse-status": STATIONS },
    });
    await screen.findByRole("heading", { name: "Ocho Rios" });
    expect(names()).toEqual(["CP-2", "CP-10", "CP-1", "KT-1"]);
    expect(screen.getByText("2 of 3 free")).toBeTruthy();
    expect(screen.getByText("0 of 1 free")).toBeTruthy();
  });

  test("are told live", async () => {
    const view = await show(<FreeStations params={{}} />, {
      who: guest,
      answers: { "GET /api/v1/evse-status": STATIONS },
    });
    await screen.findByText("2 of 3 free");
    const update = { evse_uid: "CP-2", site_id: 1, connector_id: 1, is_online: true, status: "preparing" };
    act(() => view.picture.apply({ type: "frame", updates: [update] }));
    await screen.findByText("1 of 3 free", {}, { timeout: 3000 });
  });

  test("that were never heard of are not called offline", async () => {
    const silent = { ...station("CP-1", "available"), is_online: false };
    const never = { ...silent, evse_uid: "CP-2", connectors: [{ connector_id: 1, status: null }] };
    await show(<FreeStations params={{}} />, {
      who: guest,
      answers: { "GET /api/v1/evse-status": page([silent, never]) },
    });
    const item = (name: string) => screen.getByRole("heading", { name }).closest("li")?.textContent;
    await screen.findByRole("heading", { name: "CP-2" });
    expect(item("CP-1")).toContain("Offline");
    expect(item("CP-2")).toBe("CP-2Unknown");
  });

  test("are found by name and by site, which is kept in the address", async () => {
    await show(<FreeStations params={{}} />, {
      who: guest,
      answers: { "GET /api/v1/evse-status": STATIONS },
    });
    await userEvent.type(await screen.findByLabelText("Search"), "kings");
    expect(names()).toEqual(["KT-1"]);
    expect(window.location.search).toBe("?q=kings");
    await userEvent.click(screen.getByLabelText("Only free ones"));
    expect(screen.getByText("No station fits")).toBeTruthy();
  });

  test("say when there are none at all", async () => {
    await show(<FreeStations params={{}} />, {
      who: guest,
      answers: { "GET /api/v1/evse-status": page([]) },
    });
    await screen.findByText("No stations yet");
  });

  test("say why they cannot be shown", async () => {
    const broken = problem(503, "The database cannot be reached.");
    await show(<FreeStations params={{}} />, { who: guest, answers: { "GET /api/v1/evse-status": broken } });
    expect((await screen.findByRole("alert")).textContent).toMatch(/database/);
  });
});

const PUBLIC = {
  generated_at: "2026-11-21T15:00:00Z",
  is_complete: true,
  sites: [
    {
      name: "Ocho Rios",
      city: "Ocho Rios Town",
      timezone: "America/Jamaica",
      evses: [
        {
          evse_uid: "CP-1",
          name: "Left",
          is_online: true,
          connectors: [
            { connector_id: 1, status: "available", standard: "IEC_62196_T2", power_type: "AC_3_PHASE" },
            { connector_id: 2, status: "occupied", standard: null, power_type: null },
          ],
        },
        {
          evse_uid: "CP-2",
          name: null,
          is_online: false,
          connectors: [{ connector_id: 1, status: "unknown", standard: null, power_type: null }],
        },
      ],
    },
  ],
};

describe("the public status", () => {
  afterEach(() => vi.useRealTimers());

  test("needs no login and asks for none", async () => {
    const view = await show(<PublicStatus params={{}} />, {
      answers: { "GET /api/v1/public/status": PUBLIC },
    });
    const site = (await screen.findByRole("heading", { name: "Ocho Rios" })).closest(
      "section",
    ) as HTMLElement;
    expect(within(site).getByText("Ocho Rios Town · 1 of 3 free")).toBeTruthy();
    expect(within(site).getByText("Type 2, AC")).toBeTruthy();
    expect(within(site).getByText("Offline")).toBeTruthy();
    expect(view.asked.map((each) => each.path)).toEqual(["/api/v1/public/status"]);
    expect(view.asked[0]?.headers.get("Authorization")).toBeNull();
    expect(screen.getByRole("link", { name: "Log in" }).getAttribute("href")).toBe("/");
  });

  test("asks again every 5 s, and says since when it is old", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    vi.setSystemTime("2026-11-21T15:00:10Z");
    noteServerTime(Date.now());
    let isBroken = false;
    await show(<PublicStatus params={{}} />, {
      answers: {
        "GET /api/v1/public/status": () => (isBroken ? problem(503, "The database is away.") : PUBLIC),
      },
    });
    await screen.findByText(/Updated/);
    isBroken = true;
    await act(() => vi.advanceTimersByTimeAsync(5100));
    const note = await screen.findByText("This may be old.");
    expect(note.parentElement?.textContent).toMatch(/since .*10:00:1\d.*The database is away/); // in Jamaica
    expect(names()).toHaveLength(2);
    isBroken = false;
    await act(() => vi.advanceTimersByTimeAsync(5100));
    await waitFor(() => expect(screen.queryByText("This may be old.")).toBeNull());
  });

  test("that the operator does not show says so", async () => {
    await show(<PublicStatus params={{}} />, {
      answers: { "GET /api/v1/public/status": problem(404, "No.") },
    });
    await screen.findByText("This operator shows no public status");
    expect(screen.queryByRole("alert")).toBeNull();
  });
});

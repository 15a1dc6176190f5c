// Where the clock changes within a bill or a session, each time says its offset.
import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { oneZoneName } from "../src/format/time";
import { BillCard } from "../src/views/sessions/BillCard";
import { SessionCurves } from "../src/views/sessions/SessionCurves";
import { page, show } from "./page";
import { bill, session } from "./sessionsData";

const ZONE = "America/New_York";
/** 01:30 twice: before and after the clocks go back. */
const BEFORE = "2026-11-01T05:30:00Z";
const AFTER = "2026-11-01T06:30:00Z";

function billOf(started_at: string, ended_at: string) {
  const lines = bill().lines.map((each) => ({ ...each, started_at, ended_at }));
  return (
    <BillCard
      bill={bill({ started_at, ended_at, lines })}
      credited={undefined}
      isTakenBack={false}
      zone={ZONE}
    />
  );
}

test("a bill over a clock change says both offsets in its rows, none in the head", async () => {
  await show(billOf(BEFORE, AFTER));
  expect(screen.getByRole("columnheader", { name: "Time" })).toBeTruthy();
  expect(screen.getByRole("table").textContent).toMatch(/01:30:00.*(GMT-4|EDT).*01:30:00.*(GMT-5|EST)/);
});

test("a bill within one offset says it once, in the head", async () => {
  await show(billOf(AFTER, "2026-11-01T07:30:00Z"));
  expect(screen.getByRole("columnheader", { name: /^Time \((GMT-5|EST)\)$/ })).toBeTruthy();
  expect(screen.getByRole("table").textContent?.match(/GMT-5|EST/g)).toHaveLength(1);
});

test("the curves of a session over a clock change say the offset with each time", async () => {
  const found = session({ started_at: BEFORE, last_reading_at: AFTER, ended_at: AFTER });
  await show(<SessionCurves session={found} zone={ZONE} />, {
    answers: {
      [`GET /api/v1/sessions/${found.id}/readings`]: page(
        [BEFORE, AFTER].map((ts) => ({ ts, power_w: 7000, voltage_v: 230 })),
      ),
    },
  });
  const table = await screen.findByRole("table", { hidden: true });
  expect(table.textContent).toMatch(/01:30:00.*(GMT-4|EDT).*01:30:00.*(GMT-5|EST)/);
  screen.getByText(/times in (GMT-4|EDT), then (GMT-5|EST)/);
});

test("a zone has one name between two clock changes", () => {
  expect(oneZoneName("America/Jamaica", [BEFORE, AFTER])).toMatch(/GMT-5|EST/);
  expect(oneZoneName(ZONE, [BEFORE, AFTER])).toBeNull();
});

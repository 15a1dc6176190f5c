// Which alerts are unresolved, in which order, and how long the others lasted.
import { expect, test } from "vitest";
import { lastedText } from "../src/views/alerts/lasted";
import { unresolvedAlerts } from "../src/views/alerts/unresolved";
import { alertRow, liveAlert } from "./alertRows";

const NONE = new Map();

test("critical ones come first, then the oldest", () => {
  const alerts = [
    liveAlert(1, { severity: "info", opened_at: "2026-11-21T01:00:00Z" }),
    liveAlert(2, { severity: "critical", opened_at: "2026-11-21T09:00:00Z" }),
    liveAlert(3, { severity: "warning", opened_at: "2026-11-21T08:00:00Z" }),
    liveAlert(4, { severity: "critical", opened_at: "2026-11-21T06:00:00.500Z" }),
    liveAlert(5, { severity: "critical", opened_at: "2026-11-21T06:00:00Z" }),
  ];
  expect(unresolvedAlerts(alerts, NONE).map((alert) => alert.id)).toEqual([5, 4, 2, 3, 1]);
});

test("what only the API knows is joined, and is unknown before it has answered", () => {
  const known = new Map([[1, alertRow(1, { note: "On the way", occurrence_count: 3 })]]);
  const [first, second] = unresolvedAlerts([liveAlert(1), liveAlert(2)], known);
  expect(first).toMatchObject({ note: "On the way", occurrence_count: 3 });
  expect(second).toMatchObject({ note: null, occurrence_count: null });
});

test("an answer that is further on than the picture goes before it", () => {
  const known = new Map([
    [1, alertRow(1, { status: "acknowledged", acknowledged_by: "olga" })],
    [2, alertRow(2, { status: "resolved" })],
  ]);
  const alerts = unresolvedAlerts([liveAlert(1), liveAlert(2)], known);
  expect(alerts.map((alert) => [alert.id, alert.status])).toEqual([[1, "acknowledged"]]);
});

test("a picture that is further on than the answer goes before it", () => {
  const live = liveAlert(1, { status: "acknowledged", acknowledged_at: "2026-11-21T07:10:00Z" });
  expect(unresolvedAlerts([live], new Map([[1, alertRow(1)]]))[0]?.status).toBe("acknowledged");
});

test("the live picture says which alerts there are, and without it the API does", () => {
  const known = new Map([[1, alertRow(1)]]);
  expect(unresolvedAlerts([], known)).toEqual([]);
  expect(unresolvedAlerts(null, known).map((alert) => alert.id)).toEqual([1]);
});

test("how long an alert lasted: to its end, to when it was resolved, or until now", () => {
  const opened_at = "2026-11-21T07:00:00Z";
  const nowMs = Date.parse("2026-11-21T09:00:00Z");
  const resolved_at = "2026-11-21T07:30:00Z";
  expect(lastedText({ opened_at, resolved_at, ended_at: "2026-11-21T07:12:00Z" }, nowMs)).toBe("12\u00a0min");
  expect(lastedText({ opened_at, resolved_at, ended_at: null }, nowMs)).toBe("30\u00a0min until resolved");
  expect(lastedText({ opened_at, resolved_at: null, ended_at: null }, nowMs)).toBe("2\u00a0h so far");
});

// The live picture: a snapshot replaces, a frame changes, and each listener is told of its own connector only.
import { expect, test, vi } from "vitest";
import { Picture } from "../src/live/picture";
import type { LiveAlert, LiveCommand, LiveConnector, LiveSession } from "../src/live/protocol";

function connector(evse_uid: string, connector_id = 1, power_w: number | null = null): LiveConnector {
  return { evse_uid, site_id: 1, connector_id, is_online: true, status: "available", power_w };
}

function alert(id: number, resolved_at: string | null = null): LiveAlert {
  return {
    id,
    evse_uid: "CP-1",
    site_id: 1,
    connector_id: 1,
    session_id: null,
    kind: "faulted",
    severity: "critical",
    status: resolved_at === null ? "open" : "resolved",
    detail: null,
    opened_at: "2026-11-21T07:00:00Z",
    last_seen_at: "2026-11-21T07:00:00Z",
    acknowledged_at: null,
    resolved_at,
  };
}

function command(id: string, finished_at: string | null = null): LiveCommand {
  return { id, finished_at } as LiveCommand;
}

function pictureOf(...updates: LiveConnector[]): Picture {
  const picture = new Picture();
  picture.replace({ type: "snapshot", updates });
  return picture;
}

test("a snapshot replaces everything, and tells those whose connector is gone", () => {
  const picture = pictureOf(connector("CP-1"), connector("CP-2"));
  const gone = vi.fn();
  picture.watch("CP-1 1", gone);
  picture.replace({ type: "snapshot", updates: [connector("CP-2")] });
  expect(gone).toHaveBeenCalledOnce();
  expect(picture.connector("CP-1 1")).toBeUndefined();
  expect(picture.keysOf("CP-1")).toEqual([]);
  expect(picture.snapshotCount).toBe(2);
});

test("an update replaces the one before as a whole", () => {
  const picture = pictureOf({ ...connector("CP-1", 1, 7200), error_code: "GroundFailure" });
  picture.apply({ type: "frame", updates: [connector("CP-1", 1, 100)] });
  expect(picture.connector("CP-1 1")).toEqual(connector("CP-1", 1, 100));
});

test("a frame tells the listeners of its connectors and no others", () => {
  const picture = pictureOf(connector("CP-1"), connector("CP-2"));
  const [one, other, all] = [vi.fn(), vi.fn(), vi.fn()];
  picture.watch("CP-1 1", one);
  picture.watch("CP-2 1", other);
  picture.watchAll(all);
  picture.apply({ type: "frame", updates: [connector("CP-1", 1, 100)] });
  expect([one, other, all].map((listener) => listener.mock.calls.length)).toEqual([1, 0, 1]);
});

test("a listener that ended is told nothing, and ends no later one by ending twice", () => {
  const picture = pictureOf(connector("CP-1"));
  const [first, second] = [vi.fn(), vi.fn()];
  const end = picture.watch("CP-1 1", first);
  end();
  picture.watch("CP-1 1", second);
  end();
  picture.apply({ type: "frame", updates: [connector("CP-1", 1, 100)] });
  expect(first).not.toHaveBeenCalled();
  expect(second).toHaveBeenCalledOnce();
});

test("a station's connectors are in the order of their numbers, each once", () => {
  const picture = pictureOf(connector("CP-1", 10), connector("CP-1", 2), connector("CP-1", 2));
  picture.apply({ type: "frame", updates: [connector("CP-1", 1)] });
  expect(picture.keysOf("CP-1")).toEqual(["CP-1 1", "CP-1 2", "CP-1 10"]);
});

test("lists hear of a new connector, and not of a change of an old one", () => {
  const picture = pictureOf(connector("CP-1"));
  const before = picture.membershipVersion;
  picture.apply({ type: "frame", updates: [connector("CP-1", 1, 100)] });
  expect(picture.membershipVersion).toBe(before);
  picture.apply({ type: "frame", updates: [connector("CP-2")] });
  expect(picture.membershipVersion).toBe(before + 1);
});

test("an alert is forgotten when it is resolved", () => {
  const picture = new Picture();
  picture.replace({ type: "snapshot", updates: [], alerts: [alert(1)] });
  picture.apply({ type: "frame", updates: [], alerts: [alert(2)] });
  expect([...picture.alerts.keys()]).toEqual([1, 2]);
  picture.apply({ type: "frame", updates: [], alerts: [alert(1, "2026-11-21T08:00:00Z")] });
  expect([...picture.alerts.keys()]).toEqual([2]);
});

test("a finished command stays readable over a gap; one that the snapshot does not name is no longer known", () => {
  const picture = new Picture();
  picture.replace({ type: "snapshot", updates: [], commands: [command("a"), command("b")] });
  picture.apply({ type: "frame", updates: [], commands: [command("a", "2026-11-21T08:00:00Z")] });
  picture.replace({ type: "snapshot", updates: [] });
  expect([...picture.commands.keys()]).toEqual(["a"]);
});

test("of finished commands the oldest go; unfinished ones all stay", () => {
  const picture = new Picture();
  picture.replace({ type: "snapshot", updates: [], commands: [command("running")] });
  const finished = Array.from({ length: 300 }, (_, n) => command(`done-${n}`, "2026-11-21T08:00:00Z"));
  picture.apply({ type: "frame", updates: [], commands: finished });
  expect(picture.commands.size).toBe(200);
  expect(picture.commands.has("running")).toBe(true);
  expect(picture.commands.has("done-299")).toBe(true);
  expect(picture.commands.has("done-0")).toBe(false);
});

test("sessions are told one by one, in order", () => {
  const picture = new Picture();
  const told: string[] = [];
  const end = picture.watchSessions((session) => told.push(session.id));
  const sessions = ["a", "b"].map((id) => ({ id }) as LiveSession);
  picture.apply({ type: "frame", updates: [], sessions });
  end();
  picture.apply({ type: "frame", updates: [], sessions });
  expect(told).toEqual(["a", "b"]);
});

test("what was for one user is gone for the next, finished commands too", () => {
  const picture = pictureOf(connector("CP-1"));
  picture.apply({
    type: "frame",
    updates: [],
    alerts: [alert(1)],
    commands: [command("a", "2026-11-21T08:00:00Z")],
  });
  const told = vi.fn();
  picture.watch("CP-1 1", told);
  picture.forget();
  expect(told).toHaveBeenCalledOnce();
  expect([picture.connectors.size, picture.alerts.size, picture.commands.size]).toEqual([0, 0, 0]);
  picture.replace({ type: "snapshot", updates: [] });
  expect(picture.commands.size).toBe(0);
});

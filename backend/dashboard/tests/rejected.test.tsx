// Rejected messages.
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import type { RejectedMessage } from "../src/api/types";
import { readable } from "../src/views/admin/payload";
import Rejected from "../src/views/admin/Rejected";
import { type Answers, page, problem, show } from "./page";

function base64(bytes: readonly number[] | string): string {
  return btoa(typeof bytes === "string" ? bytes : String.fromCharCode(...bytes));
}

function message(changes: Partial<RejectedMessage> = {}): RejectedMessage {
  const payload = changes.payload_base64 ?? base64('{"power_w":"7"}');
  return {
    id: 31,
    received_at: "2026-11-21T07:00:00Z",
    topic: "evse/CP-0001/telemetry",
    reason: "invalid_field",
    field: "power_w",
    detail: "Expected `float | null`, got `str`",
    payload_base64: payload,
    payload_size_bytes: atob(payload).length,
    ...changes,
  };
}

const SUMMARY = {
  message_count: 1234,
  reasons: [
    {
      reason: "invalid_field",
      count: 1234,
      first_received_at: "2026-11-14T07:00:00Z",
      last_received_at: "2026-11-21T07:00:00Z",
    },
  ],
};

function showRejected(more: Answers = {}, at = "/admin/rejected") {
  return show(<Rejected params={{}} />, {
    at,
    answers: {
      "GET /api/v1/rejected-messages": page([message()]),
      "GET /api/v1/rejected-messages/summary": SUMMARY,
      ...more,
    },
  });
}

async function openMessage(changes: Partial<RejectedMessage>) {
  await showRejected({ "GET /api/v1/rejected-messages": page([message(changes)]) });
  await userEvent.click(await screen.findByRole("button", { name: "Show message 31" }));
  return within(screen.getByRole("dialog", { name: "Rejected message 31" }));
}

test.each([
  [
    "JSON is indented, its numbers as they were written",
    base64('{"a":[1.50,12345678901234567890], "b" :{},"c":"x, \\"y\\": [","d":[ ]}'),
    "JSON",
    '{\n  "a": [\n    1.50,\n    12345678901234567890\n  ],\n  "b": {},\n  "c": "x, \\"y\\": [",\n  "d": []\n}',
  ],
  ["a single value is JSON too", base64("7"), "JSON", "7"],
  ["what is cut short is text", base64('{"a":'), "text", '{"a":'],
  ["no UTF-8 is a listing", base64([0xff, 0x41]), "bytes", `000000  ff 41${" ".repeat(44)}.A`],
  ["control characters are a listing", base64([0x41, 0]), "bytes", `000000  41 00${" ".repeat(44)}A.`],
  ["nothing is empty text", "", "text", ""],
])("a payload: %s", (_rule, payload, kind, text) => {
  expect(readable(payload)).toMatchObject({ kind, text });
});

test("a listing has sixteen bytes in a line", () => {
  const lines = readable(base64(Array.from({ length: 17 }, () => 0x80))).text.split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[1]?.startsWith("000010  80 ")).toBe(true);
});

test("the counts filter the list, in the address", async () => {
  const { asked } = await showRejected();
  expect(await screen.findByText("1,234")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Only these: A field is wrong" }));
  expect(window.location.search).toBe("?reason=invalid_field");
  await waitFor(() =>
    expect(
      asked
        .filter((one) => one.path === "/api/v1/rejected-messages")
        .at(-1)
        ?.query.get("reason"),
    ).toBe("invalid_field"),
  );
  expect(asked.filter((one) => one.path.endsWith("/summary")).every((one) => !one.query.has("reason"))).toBe(
    true,
  );
});

test("station and days count for the counts and for the list", async () => {
  const { asked } = await showRejected({}, "/admin/rejected?station=CP-0001&range=today");
  await screen.findByText("1,234");
  const queries = asked.filter((one) => one.path.startsWith("/api/v1/rejected-messages"));
  expect(queries).toHaveLength(2);
  for (const { query } of queries) {
    expect(query.get("evse_uid")).toBe("CP-0001");
    expect(Date.parse(query.get("date_to") ?? "") - Date.parse(query.get("date_from") ?? "")).toBe(
      86_400_000,
    );
  }
});

test("one message says why, what it is, what to do, and the command that takes it up again", async () => {
  const dialog = await openMessage({});
  expect(dialog.getByText("A field is wrong (invalid_field)")).toBeTruthy();
  expect(dialog.getByText(/"power_w": "7"/)).toBeTruthy();
  expect(dialog.getByText(/Correct the device/)).toBeTruthy();
  expect(dialog.getByText("solarrally rejected reingest 31")).toBeTruthy();
});

test("one that was cut short when it was kept is not offered to be taken up again", async () => {
  const dialog = await openMessage({ payload_size_bytes: 5000 });
  expect(dialog.getByText(/4\.9.KiB, of which the first 15.B are kept/)).toBeTruthy();
  expect(dialog.queryByText(/reingest/)).toBeNull();
});

test("a reason that nobody has described is shown by its own word", async () => {
  const dialog = await openMessage({ reason: "wrong_phase_of_moon" });
  expect(dialog.getByText("Wrong phase of moon (wrong_phase_of_moon)")).toBeTruthy();
  expect(dialog.getByText(/Nobody has written down yet/)).toBeTruthy();
});

test("what is copied is said; where the browser does not copy, how to do without", async () => {
  const user = userEvent.setup();
  await showRejected();
  await user.click(await screen.findByRole("button", { name: "Show message 31" }));
  await user.click(screen.getByRole("button", { name: "Copy the command" }));
  expect(await screen.findByRole("button", { name: "Copied" })).toBeTruthy();
  expect(await navigator.clipboard.readText()).toBe("solarrally rejected reingest 31");
  Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true });
  await user.click(screen.getByRole("button", { name: "Copy the payload" }));
  expect(await screen.findByText(/mark the text and copy it/)).toBeTruthy();
});

test("nothing rejected is said as such", async () => {
  await showRejected({
    "GET /api/v1/rejected-messages": page([]),
    "GET /api/v1/rejected-messages/summary": { message_count: 0, reasons: [] },
  });
  expect(await screen.findByText("No message was rejected.")).toBeTruthy();
});

test("counts that cannot be loaded leave the list", async () => {
  await showRejected({
    "GET /api/v1/rejected-messages/summary": problem(503, "The database took too long."),
  });
  expect(await screen.findByText("The database took too long.")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Show message 31" })).toBeTruthy();
});

// Imports: the list, an upload with its progress and its problems, the lines that could not be used.
import { act, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import Imports from "../src/views/admin/Imports";
import { kindOfFile } from "../src/views/admin/upload";
import { evse, oneImport, SITE } from "./adminRows";
import { GUEST, me, page, show } from "./page";

const LISTS = {
  "GET /api/v1/sites": page([SITE]),
  "GET /api/v1/evses": page([evse()]),
  "GET /api/v1/imports": page([oneImport()]),
};
const DETAIL = {
  ...oneImport(),
  rejected_lines: [{ line: 17, reason: "malformed_csv", field: "power_w", detail: "not a number" }],
};
const user = userEvent.setup();

/** Stands in for the browser's: answers when the test says so. */
class FakeRequest {
  static last: FakeRequest | undefined;
  url = "";
  headers: Record<string, string> = {};
  upload: { onprogress?: (event: object) => void } = {};
  onload?: () => void;
  onabort?: () => void;
  status = 0;
  responseText = "";
  open(_method: string, url: URL) {
    this.url = String(url);
    FakeRequest.last = this;
  }
  setRequestHeader(name: string, value: string) {
    this.headers[name] = value;
  }
  getResponseHeader() {
    return null;
  }
  send() {}
  abort() {
    this.onabort?.();
  }
  answer(status: number, body: object) {
    this.status = status;
    this.responseText = JSON.stringify(body);
    this.onload?.();
  }
}

beforeEach(() => {
  FakeRequest.last = undefined;
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
});

async function uploading() {
  const answers = { ...LISTS, [`GET /api/v1/imports/${DETAIL.id}`]: DETAIL };
  await show(<Imports params={{}} />, { answers, at: "/admin/imports?station=CP-1" });
  await user.click(await screen.findByRole("button", { name: "Import a log" }));
  const dialog = within(screen.getByRole("dialog"));
  await user.upload(dialog.getByLabelText(/^The log/), new File(["abc"], "card.csv.gz"));
  await user.click(dialog.getByRole("button", { name: "Import" }));
  await vi.waitFor(() => expect(FakeRequest.last).toBeDefined());
  return FakeRequest.last as FakeRequest;
}

test("the list counts what became of the lines, at the station's time", async () => {
  await show(<Imports params={{}} />, { answers: LISTS });
  const row = within((await screen.findByText("CP-1")).closest("tr") as HTMLElement);
  for (const count of ["1,204", "1,200", "3", "1", "0"]) expect(row.getByText(count)).toBeDefined();
  expect((await row.findByText(/10:30/)).getAttribute("datetime")).toBe("2026-11-21T15:30:00Z");
});

test("who may only read has no upload, and nothing imported says what imports are for", async () => {
  const who = me([...GUEST, "import:read"]);
  await show(<Imports params={{}} />, { who, answers: { "GET /api/v1/imports": page([]) } });
  expect(await screen.findByText(/may have kept a log/)).toBeDefined();
  expect(screen.queryByRole("button", { name: "Import a log" })).toBeNull();
});

test("a packed log is sent as such, its progress shown, then its lines that could not be used", async () => {
  const request = await uploading();
  const query = new URL(request.url).searchParams;
  expect(Object.fromEntries(query)).toEqual({ evse_uid: "CP-1", file_name: "card.csv.gz" });
  expect(request.headers).toMatchObject({
    "Content-Type": "text/csv",
    "Content-Encoding": "gzip",
    Authorization: "Bearer token",
  });
  act(() => request.upload.onprogress?.({ lengthComputable: true, loaded: 1, total: 4 }));
  expect(screen.getByText("25 % sent")).toBeDefined();
  act(() => request.answer(201, DETAIL));
  expect(await screen.findByText("not a number")).toBeDefined();
  expect(window.location.search).toContain(`import=${DETAIL.id}`);
});

test("a file that came before is not new", async () => {
  const request = await uploading();
  act(() => request.answer(200, DETAIL));
  expect(await screen.findByText(/nothing is taken in twice/)).toBeDefined();
});

test("a file that is too large stays chosen, and the server's bound is shown", async () => {
  const request = await uploading();
  act(() => request.answer(413, { detail: "The file has more than 268435456 bytes." }));
  expect(await screen.findByText("The file has more than 268435456 bytes.")).toBeDefined();
  expect(screen.getByText("card.csv.gz, 3 B")).toBeDefined();
});

test("a file's name says its format", () => {
  expect(kindOfFile("a.NDJSON")).toEqual({ type: "application/x-ndjson", isPacked: false });
  expect(kindOfFile("a.log.gz")).toEqual({ type: "application/octet-stream", isPacked: true });
});

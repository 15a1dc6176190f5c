// Notices are where they can be read, and a form says each problem once, in words.
import { act, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";
import { Problem } from "../src/api/problem";
import { fieldInWords } from "../src/format/words";
import { AlertWatch } from "../src/shell/AlertWatch";
import { ConnectionMark } from "../src/shell/ConnectionMark";
import { StaleBanner } from "../src/shell/StaleBanner";
import { FormDialog } from "../src/ui/Dialog";
import { TextField } from "../src/ui/Field";
import { useAnnounce } from "../src/ui/Toasts";
import { roundedParts } from "../src/views/sessions/partsOf";
import { liveAlert } from "./alertRows";
import { show } from "./page";

const WRONG = new Problem(422, "The request is not valid.", [
  { field: "timezone", message: "must be a zone" },
  { field: "site_id", message: "EVSEs stand here" },
]);

function Form() {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isOpen, setOpen] = useState(true);
  const announce = useAnnounce();
  return (
    isOpen && (
      <FormDialog
        title="Edit"
        action="Save"
        onSubmit={() => Promise.reject(WRONG)}
        onProblem={setProblem}
        onClose={() => setOpen(false)}
      >
        <TextField label="Zone" error={problem?.of("timezone")} />
        <button type="button" onClick={() => announce.failed(WRONG)}>
          Something else
        </button>
      </FormDialog>
    )
  );
}

test("a form's note leaves out what a field says, and names the others in words", async () => {
  await show(<Form />);
  const dialog = screen.getByRole("dialog");
  await userEvent.click(within(dialog).getByRole("button", { name: "Save" }));
  const note = await within(dialog).findByRole("alert");
  expect(note.textContent).toBe("The request is not valid.Site: EVSEs stand here");
  expect(within(dialog).getAllByText("must be a zone")).toHaveLength(1);
});

test("what is told while a dialog is open is in the dialog, where it can be pressed, and stays after it", async () => {
  await show(<Form />);
  const dialog = screen.getByRole("dialog");
  await userEvent.click(within(dialog).getByRole("button", { name: "Something else" }));
  const said = /Timezone: must be a zone\. Site: EVSEs stand here/;
  expect(within(dialog).getByText(said)).toBeTruthy();
  await userEvent.click(within(dialog).getByRole("button", { name: "Cancel" }));
  await userEvent.click(screen.getByRole("button", { name: "Dismiss" }));
  expect(screen.queryByText(said)).toBeNull();
});

test("a critical alert is told above an open dialog, and after it", async () => {
  const { picture } = await show(
    <>
      <AlertWatch />
      <Form />
    </>,
  );
  act(() => picture.replace({ type: "snapshot", updates: [], alerts: [] }));
  const alerts = [liveAlert(7, { kind: "faulted", severity: "critical" })];
  act(() => picture.apply({ type: "frame", updates: [], alerts }));
  expect(within(screen.getByRole("dialog")).getByRole("alert").textContent).toContain("CP-7");
  await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
  expect(screen.getByRole("alert").textContent).toContain("CP-7");
});

test("who may see no live data is told so calmly", async () => {
  await show(
    <>
      <ConnectionMark />
      <StaleBanner />
    </>,
    { live: { status: "refused" } },
  );
  screen.getByText(/^Not live: your role may not see live data/);
  expect(screen.queryByRole("button", { name: "Try now" })).toBeNull();
});

test.each([
  ["site_id", "Site"],
  ["max_power_w", "Max power"],
  ["elements.0.start_time", "Element 1, start time"],
  ["set_current_limit.params.limit_a", "Set current limit, limit"],
])("the field %s is %s in words", (field, words) => {
  expect(fieldInWords(field)).toBe(words);
});

test.each([
  [28.7, [14.35, 14.34, 0], [15, 14, 0]],
  [3578, [1233, 2345, 0], [1230, 2350, 0]],
  [100, [33.4, 33.3, 33.3], [34, 33, 33]],
  [0, [0, 0, 0], [0, 0, 0]],
])("the parts of %d Wh add up as they are shown", (whole, parts, shown) => {
  expect(roundedParts(whole, parts)).toEqual(shown);
});

test("parts that do not make up the whole are left as they are", () => {
  expect(roundedParts(100, [10.4, 20.4, 0])).toEqual([10.4, 20.4, 0]);
});

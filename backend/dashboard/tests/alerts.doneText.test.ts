// What is said when alerts were acknowledged or resolved.
import { expect, test } from "vitest";
import { doneText } from "../src/views/alerts/doneText";
import { alertRow } from "./alertRows";

const by = (name: string | null) => alertRow(1, { acknowledged_by: name, resolved_by: name });

test("what one did oneself is done", () => {
  expect(doneText("acknowledge", [by("olivia")], "olivia")).toBe("Alert acknowledged.");
  expect(doneText("resolve", [by("olivia"), by("olivia")], "olivia")).toBe("2 alerts resolved.");
});

test("whoever was first is named", () => {
  expect(doneText("acknowledge", [by("olga")], "olivia")).toBe("The alert was acknowledged by olga already.");
  expect(doneText("resolve", [by("olga"), by("olivia"), by("olga")], "olivia")).toBe(
    "3 alerts resolved. 2 of them already by olga.",
  );
});

test("one that was over by itself is nobody's", () => {
  expect(doneText("resolve", [by(null)], "olivia")).toBe("Alert resolved.");
});

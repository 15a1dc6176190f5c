// What the page says in words is what the API says: nobody should read two different explanations.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { browserOf } from "../src/views/account/browserOf";
import { ALL_PERMISSIONS, beyond, groupsOf, permissionInWords } from "../src/views/account/permissionWords";
import { adviceOn } from "../src/views/admin/rejectedWords";

const permissionPy = readFileSync("../solarrally/domain/permission.py", "utf8");
const rejectedPy = readFileSync("../solarrally/rejected_cli.py", "utf8");

test("every permission of the API is said in the API's own words", () => {
  const names = new Map(
    [...permissionPy.matchAll(/^ {4}([A-Z_]+) = "([a-z_]+:[a-z_]+)"$/gm)].map(([, key, name]) => [
      key,
      name ?? "",
    ]),
  );
  const words = [...permissionPy.matchAll(/Permission\.([A-Z_]+): "(.*)",$/gm)].map(
    ([, key, text]) => [names.get(key), text] as const,
  );
  expect(words.length).toBe(35);
  expect(ALL_PERMISSIONS.map((name) => [name, permissionInWords(name)])).toEqual(words);
});

test("the advice on a rejected message is that of the command line", () => {
  const table = /^ADVICE = \{\n(.*?)^\}/ms.exec(rejectedPy)?.[1] ?? "";
  const advice = [...table.matchAll(/"([a-z_]+)": "(.*)",$/gm)].map(([, reason = "", text]) => [
    reason,
    text,
  ]);
  expect(advice.length).toBeGreaterThan(10);
  expect(advice.map(([reason = ""]) => [reason, adviceOn(reason)])).toEqual(advice);
});

test("a permission that the page does not know is shown by its name", () => {
  expect(permissionInWords("fleet:drive")).toBe("fleet:drive");
  expect(groupsOf(["fleet:drive"])).toEqual([
    { resource: "fleet", title: "Fleet", permissions: ["fleet:drive"] },
  ]);
});

test("who may do something for everybody may let others do it for themselves, and nothing more", () => {
  expect(beyond(["bill:read_own", "bill:read", "user:write"], ["bill:read"])).toEqual(["user:write"]);
  expect(beyond(["bill:read"], ["bill:read_own"])).toEqual(["bill:read"]);
});

test.each([
  ["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox 145 on Linux"],
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    "Edge 142 on Windows",
  ],
  [
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Chrome 142 on Android",
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Safari 18 on iOS",
  ],
  ["curl/7.88.1", "curl/7.88.1"],
  ["x".repeat(300), `${"x".repeat(40)}…`],
  [null, "Unknown program"],
])("a login's program is named: %s", (userAgent, words) => {
  expect(browserOf(userAgent)).toBe(words);
});

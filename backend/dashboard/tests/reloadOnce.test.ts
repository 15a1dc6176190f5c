// A page whose views are gone from the server reloads once and does not loop.
import { expect, test, vi } from "vitest";
import { reloadOnce } from "../src/reloadOnce";

test("a page whose view is gone is reloaded once a minute at most", () => {
  const reload = vi.fn();

  reloadOnce(sessionStorage, reload, 1_000_000);
  reloadOnce(sessionStorage, reload, 1_059_999);
  expect(reload).toHaveBeenCalledTimes(1);

  reloadOnce(sessionStorage, reload, 1_060_000);
  expect(reload).toHaveBeenCalledTimes(2);
});

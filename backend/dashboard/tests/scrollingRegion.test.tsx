// What is wider than its place shows on which side there is more of it.
import { act, fireEvent, render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { ScrollingRegion } from "../src/ui/ScrollingRegion";

function drawn(content_px: number): { region: HTMLElement; hidden: () => string | undefined } {
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(300);
  vi.spyOn(HTMLElement.prototype, "scrollWidth", "get").mockReturnValue(content_px);
  render(<ScrollingRegion label="Sessions">content</ScrollingRegion>);
  const region = screen.getByRole("region", { name: "Sessions" });
  return { region, hidden: () => region.parentElement?.dataset["hidden"] };
}

test("the side that can be scrolled to is marked, as far as there is more", () => {
  const { region, hidden } = drawn(500);
  expect(hidden()).toBe("after");
  const scrollTo = (left_px: number) => {
    region.scrollLeft = left_px;
    act(() => void fireEvent.scroll(region));
  };
  scrollTo(100);
  expect(hidden()).toBe("before after");
  scrollTo(200);
  expect(hidden()).toBe("before");
});

test("what fits has no mark", () => {
  expect(drawn(300).hidden()).toBe("");
});

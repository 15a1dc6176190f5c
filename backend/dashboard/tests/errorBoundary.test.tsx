// What a view that fails shows in its place.
import { render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { asProblem, noAnswer } from "../src/api/problem";
import { ErrorBoundary } from "../src/ui/ErrorBoundary";

function Failing({ error }: { error: unknown }): never {
  throw error;
}

function shown(error: unknown): void {
  vi.spyOn(console, "error").mockImplementation(() => undefined); // React tells of it too
  render(
    <ErrorBoundary>
      <Failing error={error} />
    </ErrorBoundary>,
  );
}

test("a view whose file is gone offers to load the page anew", () => {
  shown(new TypeError("Failed to fetch dynamically imported module: http://localhost/assets/Station-1.js"));

  expect(screen.getByRole("button", { name: "Load the page anew" })).toBeTruthy();
  expect(screen.queryByText(/cannot be reached/)).toBeNull();
});

test("a mistake of the page is not called an unreachable server", () => {
  shown(new TypeError("undefined is not an object"));

  expect(screen.getByRole("alert").textContent).toContain("This page could not go on");
  expect(asProblem(new TypeError("x")).isPassing).toBe(false);
});

test("a server of another origin that does not answer is named, with the setting that it may lack", () => {
  expect(noAnswer("").detail).toBe("The server cannot be reached.");
  expect(noAnswer("https://api.example.org").detail).toMatch(
    /https:\/\/api\.example\.org .*SOLARRALLY_ALLOWED_ORIGINS must name http:\/\/localhost/,
  );
});

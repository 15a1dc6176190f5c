// What jsdom lacks and the page needs.
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach, vi } from "vitest";
import { noteServerTime } from "../src/clock";
import { FakePlot } from "./uplot";

vi.mock("uplot", () => ({ default: FakePlot })); // it needs a canvas

configure({ asyncUtilTimeout: 5000 }); // machines that do much else at once

afterEach(() => {
  cleanup();
  localStorage.clear();
  window.history.replaceState(null, "", "/");
});

beforeEach(() => {
  FakePlot.built = [];
  noteServerTime(Date.now());
  HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function close() {
    this.open = false;
  };
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  );
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
});

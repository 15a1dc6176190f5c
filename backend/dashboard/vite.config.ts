// How the page is built, served while it is worked on, and tested.
import react from "@vitejs/plugin-react";
import { loadEnv } from "vite";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => {
  // A running `./run up`, for `npm run dev`.
  const apiUrl = loadEnv(mode, ".", "SOLARRALLY_")["SOLARRALLY_API_URL"] ?? "http://127.0.0.1:8000";
  return {
    plugins: [react()],
    build: {
      outDir: "../solarrally/dashboard_files",
      emptyOutDir: true,
      assetsInlineLimit: 0, // data: addresses would need a wider Content-Security-Policy
      target: ["chrome123", "firefox120", "safari17.5"], // light-dark() is the newest that the page needs
      reportCompressedSize: false, // build_dashboard.py weighs what each view needs,
      manifest: true, // from this
      modulePreload: { polyfill: false }, // for browsers older than the target
    },
    server: {
      proxy: {
        "/api": { target: apiUrl, ws: true },
        "/readyz": apiUrl,
      },
    },
    test: {
      environment: "jsdom",
      include: ["tests/**/*.test.{ts,tsx}"],
      setupFiles: ["tests/setup.ts"],
      css: { include: /tokens\.css/ }, // read by the test of its contrasts; other styles do not matter to tests
      isolate: false, // setup.ts and each test leave nothing behind; alone, each file loads all modules anew
      restoreMocks: true,
      unstubGlobals: true,
    },
  };
});

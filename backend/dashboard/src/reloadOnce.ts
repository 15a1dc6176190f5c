// Starts the page anew, but not again and again: a server without the files stays one after a reload.

const KEY = "solarrally.reloaded_at";
const PAUSE_MS = 60_000;

/** Reload, unless that was tried within the last minute; then the view's own failure is shown. */
export function reloadOnce(storage: Storage, reload: () => void, nowMs = Date.now()): void {
  const reloadedAtMs = Number(storage.getItem(KEY) ?? 0);
  if (nowMs - reloadedAtMs < PAUSE_MS) return;
  storage.setItem(KEY, String(nowMs));
  reload();
}

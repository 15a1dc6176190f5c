// Whether an API key still holds.
import type { ApiKey } from "../../api/types";

export type KeyState = "active" | "expired" | "revoked";

export function keyState(key: ApiKey, nowMs: number): KeyState {
  if (key.revoked_at !== null) return "revoked";
  return Date.parse(key.expires_at) <= nowMs ? "expired" : "active";
}

/** An instant so many days from now, as the API takes it. */
export function inDays(days: number, nowMs: number): string {
  return new Date(nowMs + days * 86_400_000).toISOString();
}

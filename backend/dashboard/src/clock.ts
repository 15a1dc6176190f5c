// The server's time. Ages and running clocks are counted by it: an operator's own clock may be wrong.

let offsetMs = 0;

/** Note what the server's time was when an answer arrived. */
export function noteServerTime(serverMs: number): void {
  const found = serverMs - Date.now();
  // Below a second it is the network's delay, and following it would make clocks on the page jump.
  offsetMs = Math.abs(found) < 1000 ? 0 : found;
}

/** Now by the server's clock, in ms since 1970. */
export function serverNowMs(): number {
  return Date.now() + offsetMs;
}

// The server's time. Ages and running clocks are counted by it: an operator's own clock may be wrong, and may be set
// right while the page is open. In between it goes on by the browser's stopwatch, which nobody sets. That may stand
// still while the machine sleeps; afterwards the connection begins anew and brings the server's time again.

/** The server's time when the stopwatch stood at 0. Until the first answer: this machine's. */
let originMs = performance.timeOrigin;

/** Note what the server's time was when an answer arrived. */
export function noteServerTime(serverMs: number): void {
  const ownOriginMs = Date.now() - performance.now();
  const foundMs = serverMs - performance.now();
  // Below a second it is the network's delay, and following it would make clocks on the page jump.
  originMs = Math.abs(foundMs - ownOriginMs) < 1000 ? ownOriginMs : foundMs;
}

/** Now by the server's clock, in ms since 1970. */
export function serverNowMs(): number {
  return originMs + performance.now();
}

// The live readings of one connector since the page showed it, for the right end of the charts. No I/O.
import type { Point } from "./points";

/** Of a range no more points than a chart can show. */
const MOST_POINTS = 4000;

export class LiveTail {
  #points: Point[] = [];
  /** Counts changes. */
  version = 0;

  get points(): readonly Point[] {
    return this.#points;
  }

  /** Add what came, unless it is older than what is here. `shown_s`: how long a time the charts show. */
  add(point: Point, shown_s: number): void {
    const last = this.#points[this.#points.length - 1];
    if (last !== undefined && point.at_s < last.at_s) return;
    const secondLast = this.#points[this.#points.length - 2];
    const isTooClose = secondLast !== undefined && point.at_s - secondLast.at_s < (2 * shown_s) / MOST_POINTS;
    if (last !== undefined && (point.at_s === last.at_s || isTooClose)) this.#points.pop();
    this.#points.push(point);
    this.#dropBefore(point.at_s - shown_s);
    this.version += 1;
  }

  #dropBefore(from_s: number): void {
    // Not at each point: to move thousands of others for one costs more than to keep it.
    const first = this.#points[0];
    const margin_s = 60;
    if (first === undefined || first.at_s >= from_s - margin_s) return;
    this.#points = this.#points.filter((point) => point.at_s >= from_s);
  }
}

// Stands in for uPlot, which needs a canvas: it keeps what it was built of and given.
import type uPlot from "uplot";

export class FakePlot {
  static built: FakePlot[] = [];
  static tzDate(date: Date): Date {
    return date;
  }

  given: uPlot.AlignedData[] = [];
  isDestroyed = false;

  constructor(
    readonly options: uPlot.Options,
    data: uPlot.AlignedData,
  ) {
    this.given.push(data);
    FakePlot.built.push(this);
  }

  get data(): uPlot.AlignedData {
    const last = this.given[this.given.length - 1];
    if (last === undefined) throw new Error("a chart without data");
    return last;
  }

  setData(data: uPlot.AlignedData): void {
    this.given.push(data);
  }

  setSize(): void {}

  destroy(): void {
    this.isDestroyed = true;
  }
}

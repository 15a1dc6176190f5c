// The charts of a station: what each shows, and in which unit.
import type { Measurand } from "./points";

export type PanelName = Measurand;
type Values = (number | null | undefined)[];

interface Panel {
  name: PanelName;
  title: string;
  unit: string;
  digits: number;
  colour: string;
  height_px: number;
  /** On a phone. */
  shortTitle?: string;
  hasZero: boolean;
  inUnit: (values: Values) => Values;
}

const asIs = (values: Values) => values;

export const PANELS: readonly Panel[] = [
  {
    name: "power_w",
    title: "Power",
    unit: "kW",
    digits: 2,
    colour: "--chart-1",
    height_px: 170,
    hasZero: true,
    inUnit: (values) => values.map((value) => (typeof value === "number" ? value / 1000 : value)),
  },
  {
    name: "voltage_v",
    title: "Voltage",
    unit: "V",
    digits: 1,
    colour: "--chart-4",
    height_px: 96,
    hasZero: false,
    inUnit: asIs,
  },
  {
    name: "current_a",
    title: "Current",
    unit: "A",
    digits: 1,
    colour: "--chart-2",
    height_px: 96,
    hasZero: true,
    inUnit: asIs,
  },
  {
    name: "temperature_c",
    title: "Temperature",
    unit: "°C",
    digits: 1,
    colour: "--chart-3",
    height_px: 96,
    hasZero: false,
    shortTitle: "Temp.",
    inUnit: asIs,
  },
];

/** The one of the address, else power. */
export function panelOf(asked: string | null): PanelName {
  return PANELS.find(({ name }) => name === asked)?.name ?? "power_w";
}

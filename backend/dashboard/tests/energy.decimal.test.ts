// Money is added as the decimals that it is.
import { expect, test } from "vitest";
import { addDecimals, ratioOfDecimals, sumMoney } from "../src/format/decimal";

test("a sum of decimals is exact where floats are not", () => {
  expect(addDecimals("0.1", "0.2")).toBe("0.3");
  expect(addDecimals("9007199254740993.0001", "0.0001")).toBe("9007199254740993.0002");
});

test("a sum has as many decimals as the longer of the two", () => {
  expect(addDecimals("160.0000", "4.5")).toBe("164.5000");
  expect(addDecimals("7", "3")).toBe("10");
});

test("negative amounts are subtracted, and a sum below one keeps its zero in front", () => {
  expect(addDecimals("1.00", "-1.25")).toBe("-0.25");
  expect(addDecimals("-0.005", "0.005")).toBe("0.000");
});

test("what is not a decimal is refused, not guessed at", () => {
  expect(() => addDecimals("1e3", "1")).toThrow("not a decimal: 1e3");
  expect(() => addDecimals("", "1")).toThrow();
});

test("a ratio to zero is unknown", () => {
  expect(ratioOfDecimals("5", "4.00")).toBe(1.25);
  expect(ratioOfDecimals("5", "0.0000")).toBeNull();
});

test("currencies are never added to each other", () => {
  const sums = sumMoney([
    [{ currency: "JMD", cost: "0.1000" }],
    [
      { currency: "EUR", cost: "2.5" },
      { currency: "JMD", cost: "0.2000" },
    ],
  ]);
  expect(sums).toEqual([
    { currency: "JMD", cost: "0.3000" },
    { currency: "EUR", cost: "2.5" },
  ]);
});

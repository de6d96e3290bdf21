import fc from "fast-check";
import { expect, test } from "vitest";
import { quantize, rangeText, roundHalfToEven } from "../../chain/image";

test("the range is written with as many digits as it needs", () => {
  const range = (minimum: number, maximum: number) =>
    rangeText({ melBins: 80, frames: 1, pixels: new Uint8Array(80), minimum, maximum });
  expect(range(-0.46348464488983154, 1.5365153551101685)).toBe("-0.46348464 1.5365154");
  expect(range(-1.5, 0)).toBe("-1.5 0");
  expect(range(0.1, 1e-5)).toBe("0.1 0.00001");
});

test("any range is read back exactly", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const image = { melBins: 80 as const, frames: 1, pixels: new Uint8Array(80) };
      const [text] = rangeText({ ...image, minimum: value, maximum: value }).split(" ");
      expect(Math.fround(Number(text))).toBe(value + 0);
      expect(text).toMatch(/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/);
    }),
  );
});

test("quantisation is within half a step, over the whole range, with a floor", () => {
  const logMel = Float32Array.from({ length: 80 * 7 }, (_, i) => -10 + ((i * 37) % 560) / 40);
  const image = quantize(logMel, 80);
  expect(image.minimum).toBeCloseTo((3.975 - 8 + 4) / 4, 6);
  expect(image.maximum).toBeCloseTo((3.975 + 4) / 4, 6);
  for (let frame = 0; frame < 7; frame++) {
    for (let bin = 0; bin < 80; bin++) {
      const value = (Math.max(logMel[80 * frame + bin], 3.975 - 8) + 4) / 4;
      const level = image.pixels[bin * 7 + frame];
      const decoded = image.minimum + (level * (image.maximum - image.minimum)) / 255;
      expect(Math.abs(decoded - value)).toBeLessThan(2 / 510 + 1e-6);
    }
  }
});

test("where all values are equal, all pixels are 0", () => {
  const image = quantize(new Float32Array(240).fill(-10), 80);
  expect(image).toEqual({
    melBins: 80,
    frames: 3,
    pixels: new Uint8Array(240),
    minimum: -1.5,
    maximum: -1.5,
  });
});

test("what is no spectrogram is refused", () => {
  expect(() => quantize(new Float32Array(0), 80)).toThrow("1 to 65535 columns");
  expect(() => quantize(new Float32Array(65_536 * 80), 80)).toThrow("1 to 65535 columns");
  expect(() => quantize(new Float32Array(80).fill(Number.NaN), 80)).toThrow("not finite");
});

test("halves are rounded to the even number", () => {
  expect([0.5, 1.5, 2.5, 254.5, 2.4999, 2.5001, 0].map(roundHalfToEven)).toEqual([
    0, 2, 2, 254, 2, 3, 0,
  ]);
});

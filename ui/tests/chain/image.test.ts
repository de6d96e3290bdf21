import fc from "fast-check";
import { decode } from "fast-png";
import { expect, test } from "vitest";
import {
  encodePng,
  encodeTga,
  type MelImage,
  quantize,
  rangeText,
  roundHalfToEven,
  topDown,
} from "../../chain/image";

const images: fc.Arbitrary<MelImage> = fc
  .record({
    melBins: fc.constantFrom(80 as const, 128 as const),
    frames: fc.integer({ min: 1, max: 40 }),
    seed: fc.integer(),
    range: fc.tuple(
      fc.float({ noNaN: true, min: -3, max: 3 }),
      fc.float({ min: 0, max: 3, noNaN: true }),
    ),
  })
  .map(({ melBins, frames, seed, range: [minimum, span] }) => ({
    melBins,
    frames,
    pixels: Uint8Array.from(
      { length: melBins * frames },
      (_, i) => Math.imul(seed + i, 0x9e3779b1) >>> 24,
    ),
    minimum,
    maximum: Math.fround(minimum + span),
  }));

test("a PNG file holds pixels and range exactly", () => {
  fc.assert(
    fc.property(images, (image) => {
      const png = decode(encodePng(image), { checkCrc: true });
      expect([png.width, png.height, png.depth, png.channels]).toEqual([
        image.frames,
        image.melBins,
        8,
        1,
      ]);
      expect(png.data).toEqual(topDown(image));
      const range = png.text?.["mel-range"]?.split(" ").map((word) => Math.fround(Number(word)));
      expect(range).toEqual([image.minimum + 0, image.maximum + 0]);
    }),
  );
});

test("a TGA file has the bytes of the specification's test vector", () => {
  const pixels = new Uint8Array(160);
  pixels[0] = 255;
  pixels[159] = 128;
  const file = encodeTga({ melBins: 80, frames: 2, pixels, minimum: -0.5, maximum: 1.5 });
  const expected = new Uint8Array(26 + 160);
  expected.set([8, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 80, 0, 8, 0]);
  expected.set([0, 0, 0, 0xbf, 0, 0, 0xc0, 0x3f], 18);
  expected[26] = 255;
  expected[185] = 128;
  expect(file).toEqual(expected);
});

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

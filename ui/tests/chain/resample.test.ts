import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Resampler } from "../../chain/resample";
import { BUILDS } from "./vectors";

const { module } = BUILDS[0];

function tone(rate: number, hertz: number, seconds: number): Float32Array {
  return Float32Array.from(
    { length: rate * seconds },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * hertz * i) / rate),
  );
}

function resampled(
  rate: number,
  samples: Float32Array,
  lengths = [samples.length],
  build = module,
): Float32Array {
  const resampler = new Resampler(build, rate);
  const parts: number[] = [];
  for (let start = 0, i = 0; start < samples.length; i++) {
    const end = start + (lengths[i % lengths.length] as number);
    parts.push(...resampler.push(samples.subarray(start, end)));
    start = end;
  }
  return Float32Array.from([...parts, ...resampler.finish()]);
}

/** Level in decibels, beside that of a tone, leaving out the ends. */
function level(samples: Float32Array): number {
  const middle = samples.subarray(400, -400);
  const power = middle.reduce((sum, value) => sum + value * value, 0) / middle.length;
  return 10 * Math.log10(power / 0.125);
}

describe.each(BUILDS)("the resampler $build", ({ module: build }) => {
  test.each([22_050, 32_000, 44_100, 48_000, 96_000])(
    "keeps speech that comes at %i Hz as it is",
    (rate) => {
      for (const hertz of [100, 1000, 4000, 7000]) {
        const made = resampled(rate, tone(rate, hertz, 0.3), undefined, build);
        const expected = tone(16_000, hertz, 0.3);
        expect(made.length).toBe(expected.length);
        const differences = made
          .subarray(200, -200)
          .map((value, i) => Math.abs(value - expected[i + 200]));
        expect(Math.max(...differences)).toBeLessThan(0.0003);
      }
    },
  );

  test.each([22_050, 44_100, 48_000, 96_000])(
    "stops what 16 kHz cannot hold, from %i Hz",
    (rate) => {
      for (const hertz of [8001, 8200, 9000, 10_900]) {
        expect(level(resampled(rate, tone(rate, hertz, 0.3), undefined, build))).toBeLessThan(-70);
      }
    },
  );
});

test.each([8000, 11_025, 12_000])("sound of %i Hz gets no mirror image above it", (rate) => {
  const made = resampled(rate, tone(rate, 0.4 * rate, 0.5));
  const expected = tone(16_000, 0.4 * rate, 0.5);
  const differences = made.subarray(400, -400).map((value, i) => value - expected[i + 400]);
  expect(level(differences)).toBeLessThan(-70);
});

test("slices of any lengths give the same bits", () => {
  const rates = fc.constantFrom(8000, 11_025, 16_000, 22_050, 44_100, 48_000, 47_999);
  const lengths = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(rates, lengths, (rate, slices) => {
      const samples = tone(rate, 440, 0.5);
      expect(resampled(rate, samples, slices)).toEqual(resampled(rate, samples));
    }),
    { numRuns: 25 },
  );
});

test.each([
  [44_100, 1, 1],
  [44_100, 441, 160],
  [44_100, 442, 161],
  [48_000, 48_001, 16_001],
  [8000, 3, 6],
  [16_000, 5, 5],
])("at %i Hz, %i samples become %i", (rate, count, expected) => {
  expect(resampled(rate, new Float32Array(count))).toHaveLength(expected);
});

test("sound of 16 kHz stays as it is", () => {
  const samples = tone(16_000, 440, 0.1);
  expect(resampled(16_000, samples)).toEqual(samples);
});

test("a constant stays constant", () => {
  const made = resampled(44_100, new Float32Array(10_000).fill(0.25));
  for (const value of made.subarray(100, -100)) expect(value).toBeCloseTo(0.25, 6);
});

test("what is not finite becomes silence, and what is too loud is clipped", () => {
  const samples = Float32Array.of(Number.NaN, 3, -3, Number.POSITIVE_INFINITY, 0.5);
  expect([...resampled(16_000, samples)]).toEqual([0, 1, -1, 0, 0.5]);
  expect(
    resampled(48_000, new Float32Array(9000).fill(Number.NaN)).every((value) => value === 0),
  ).toBe(true);
});

test("rates that no device has are refused", () => {
  for (const rate of [0, -16_000, 999, 44_100.5, Number.NaN, 1e9]) {
    expect(() => new Resampler(module, rate)).toThrow("samples a second");
  }
});

test("a finished stream takes nothing more", () => {
  const resampler = new Resampler(module, 48_000);
  resampler.finish();
  expect(() => resampler.push(new Float32Array(1))).toThrow("finished");
});

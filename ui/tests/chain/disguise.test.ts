import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Disguise, draw, STRENGTHS as OURS } from "../../chain/disguise";
import { imageOf, SegmentStream } from "../../chain/segments";
import {
  BUILDS,
  disguisedImage,
  drawInTurn,
  MEL_BINS,
  STREAMS,
  STRENGTHS,
  type Step,
  samplesOf,
} from "./vectors";

const STEPS = Object.keys(STRENGTHS) as Step[];

function firstSegment(melBins: 80 | 128, disguise?: Disguise) {
  const stream = new SegmentStream(BUILDS[0].module, { melBins, disguise });
  const samples = samplesOf(STREAMS[0]);
  return [...stream.push(samples).segments, ...stream.finish().segments][0];
}

test("the steps are the library's", () => {
  expect(OURS).toEqual(STRENGTHS);
});

describe.each(STEPS)("a %s disguise", (step) => {
  test.each(MEL_BINS)("of %i mel bins is the library's", (melBins) => {
    const { image } = firstSegment(melBins, new Disguise(OURS[step], drawInTurn()));
    const expected = disguisedImage(step, melBins);
    expect(image.frames).toBe(expected.frames);
    const differences = image.pixels.map((level, i) => Math.abs(level - expected.pixels[i]));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    expect(image.minimum).toBeCloseTo(expected.minimum, 3);
    expect(image.maximum).toBeCloseTo(expected.maximum, 3);
  });

  test("changes neither voice activity nor cuts, and is a session's own", () => {
    const plain = firstSegment(80);
    const draws = draw();
    const [one, again, other] = [draws, draws, draw()].map((session) =>
      firstSegment(80, Disguise.drawn(step, session)),
    );
    for (const { start, end, logMel } of [one, again, other]) {
      expect([start, end]).toEqual([plain.start, plain.end]);
      expect(logMel).toEqual(plain.logMel);
    }
    expect(one.image.pixels).not.toEqual(plain.image.pixels);
    expect(one.image).toEqual(again.image);
    expect(one.image.pixels).not.toEqual(other.image.pixels);
  });
});

test("what is sent twice is moved once, however it is divided", () => {
  const { logMel } = firstSegment(80);
  const frames = logMel.length / 80;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: frames - 1 }), (cut) => {
      const disguise = new Disguise(OURS.strong, drawInTurn());
      const later = disguise.moved(logMel.slice(cut * 80), cut, 80);
      const whole = disguise.moved(logMel, 0, 80);
      expect(later).toEqual(whole.slice(cut * 80));
    }),
    { numRuns: 10 },
  );
});

test("off is no disguise", () => {
  const { start, logMel, image } = firstSegment(80, Disguise.drawn("off", draw()));
  expect(image).toEqual(imageOf([{ start, logMel }], 80, undefined));
  expect(image).toEqual(firstSegment(80).image);
});

test("no session has the numbers of another, and no step those of another", () => {
  const numbers = [draw(), draw()].flatMap(({ light, strong }) => [light, strong]);
  expect(new Set(numbers.map(String)).size).toBe(4);
  for (const drawn of numbers) expect(new Set(drawn).size).toBeGreaterThan(drawn.length / 2);
});

test("a recording may be longer than what was drawn", () => {
  const disguise = Disguise.drawn("strong", draw());
  const { logMel } = firstSegment(80);
  expect(disguise?.moved(logMel, 10_000_000, 80).every(Number.isFinite)).toBe(true);
});

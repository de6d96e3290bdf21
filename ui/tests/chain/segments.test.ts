import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CutterOptions } from "../../chain/cutter";
import { hasSimd } from "../../chain/kernels";
import {
  type Advance,
  type Segment,
  type SegmentOptions,
  SegmentStream,
} from "../../chain/segments";
import { BUILDS, imageOf, MEL_BINS, STREAMS, samplesOf } from "./vectors";

/** What the chain makes of samples that come in slices of these lengths, again and again. */
async function results(
  module: WebAssembly.Module,
  options: SegmentOptions,
  samples: Float32Array,
  lengths: number[],
) {
  const stream = new SegmentStream(module, options);
  const decisions: number[] = [];
  const columns: Float32Array[] = [];
  let frames = 0;
  const segments: Segment[] = [];
  const take = (advance: Advance) => {
    expect(advance.firstFrame).toBe(frames);
    expect(advance.firstDecision).toBe(decisions.length);
    expect(advance.logMel.length).toBe(advance.frames * options.melBins);
    decisions.push(...advance.decisions);
    columns.push(advance.logMel);
    frames += advance.frames;
    segments.push(...advance.segments);
  };
  for (let start = 0, i = 0; start < samples.length; i++) {
    const end = start + (lengths[i % lengths.length] as number);
    take(stream.push(samples.subarray(start, end)));
    start = end;
  }
  take(stream.finish());
  return { decisions, logMel: Float32Array.from(columns.flatMap((part) => [...part])), segments };
}

function voiceChanges(decisions: number[]): number[] {
  return decisions.flatMap((speech, frame) =>
    speech !== (decisions[frame - 1] ?? 0) ? [frame] : [],
  );
}

const SLICINGS = {
  "in one piece": [1e9],
  "as live sound comes": [1600],
  oddly: [1, 7919, 160, 401],
};

describe.each(BUILDS)("the chain $build", ({ module }) => {
  describe.each(MEL_BINS)("with %i mel bins", (melBins) => {
    describe.each(Object.entries(SLICINGS))("%s", (_, lengths) => {
      test.each(STREAMS.map((stream, number) => ({ ...stream, number })))(
        "$name",
        async (stream) => {
          const options = {
            melBins,
            cutter: stream.cutter,
            everythingIsSpeech: stream.everything_is_speech,
          };
          const expected = stream.expected[melBins];
          const { decisions, segments } = await results(
            module,
            options,
            samplesOf(stream),
            lengths,
          );
          expect(decisions.length).toBe(expected.frames);
          expect(voiceChanges(decisions)).toEqual(expected.voice_changes);
          expect(segments.map(({ start, end }) => [start, end])).toEqual(expected.cuts);
          if (!stream.pictures) return;
          segments.forEach(({ image }, index) => {
            const expectedImage = imageOf(stream.number, melBins, index);
            expect(image.frames).toBe(expectedImage.frames);
            const differences = image.pixels.map((level, i) =>
              Math.abs(level - expectedImage.pixels[i]),
            );
            expect(Math.max(...differences)).toBeLessThanOrEqual(1);
            expect(image.minimum).toBeCloseTo(expectedImage.minimum, 4);
            expect(image.maximum).toBeCloseTo(expectedImage.maximum, 4);
          });
        },
      );
    });
  });
});

test("both builds give the same bits", async () => {
  const samples = samplesOf(STREAMS[0]);
  const [one, other] = await Promise.all(
    BUILDS.map(({ module }) => results(module, { melBins: 80 }, samples, [4000])),
  );
  expect(other).toEqual(one);
});

test("slices of any lengths give the same bits", async () => {
  const samples = samplesOf(STREAMS[1]);
  const { module } = BUILDS[0];
  const whole = await results(module, { melBins: 80 }, samples, [samples.length]);
  const lengths = fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(lengths, async (slices) => {
      const sliced = await results(module, { melBins: 80 }, samples, slices);
      expect(sliced.decisions).toEqual(whole.decisions);
      expect(sliced.segments).toEqual(whole.segments);
      expect(sliced.logMel).toEqual(whole.logMel);
    }),
    { numRuns: 15 },
  );
});

test("segments come while the stream goes on", async () => {
  const stream = new SegmentStream(BUILDS[0].module, { melBins: 80 });
  const samples = samplesOf(STREAMS[0]);
  const end = (310 + 60) * 160; // of the segment, and what the detector waits for
  expect(stream.push(samples.subarray(0, end)).segments).toHaveLength(1);
});

test("a segment that goes on is shown so far", async () => {
  const stream = new SegmentStream(BUILDS[0].module, { melBins: 80 });
  const samples = samplesOf(STREAMS[0]);
  expect(stream.soFar()).toBeUndefined();
  stream.push(samples.subarray(0, 200 * 160));
  const soFar = stream.soFar() as Segment;
  const [whole] = stream.push(samples.subarray(200 * 160, 370 * 160)).segments;
  expect(soFar.start).toBe(whole.start);
  expect(soFar.image.frames).toBe(soFar.end - soFar.start);
  expect(soFar.end).toBeGreaterThan(190);
  expect(soFar.logMel).toEqual(whole.logMel.subarray(0, soFar.logMel.length));
  expect(stream.soFar()).toBeUndefined();
});

test("a segment that goes on is shown no longer than segments are", () => {
  const stream = new SegmentStream(BUILDS[0].module, { melBins: 80, cutter: { longest: 1 } });
  const samples = samplesOf(STREAMS[0]);
  let most = 0;
  for (let start = 0; start < samples.length; start += 160) {
    stream.push(samples.subarray(start, start + 160));
    most = Math.max(most, stream.soFar()?.image.frames ?? 0);
  }
  expect(most).toBe(100);
});

test("empty slices change nothing", async () => {
  const stream = new SegmentStream(BUILDS[0].module, { melBins: 128 });
  expect(stream.push(new Float32Array(0)).frames).toBe(0);
  stream.push(new Float32Array(400));
  expect(stream.push(new Float32Array(0)).frames).toBe(0);
  expect(stream.finish().firstFrame).toBe(2);
});

test("a stream without a sample is refused", async () => {
  const stream = new SegmentStream(BUILDS[0].module, { melBins: 80 });
  expect(() => stream.finish()).toThrow("no samples");
});

test("a finished stream takes nothing more", async () => {
  const stream = new SegmentStream(BUILDS[0].module, { melBins: 80 });
  stream.push(new Float32Array(1000));
  stream.finish();
  expect(() => stream.push(new Float32Array(1))).toThrow("finished");
  expect(() => stream.finish()).toThrow("finished");
});

test("times that no cutter can have are refused", () => {
  const create = (cutter: Partial<CutterOptions>) => () =>
    new SegmentStream(BUILDS[0].module, { melBins: 80, cutter });
  expect(create({ pause: -1 })).toThrow("not negative");
  expect(create({ longest: 0.5 })).toThrow("a second or more");
  expect(create({ margin: Number.NaN })).toThrow("not negative");
});

test("SIMD is recognised where it is", () => {
  expect(hasSimd()).toBe(true);
});

/** No channel is lost: the same cases as in tests/hush/sound/test_mixing.py. */

import { expect, test } from "vitest";
import { Mixer, weightsOf } from "../../worker/mixing";

const RATE = 16_000;
const VOICE = Float32Array.from({ length: 4 * RATE }, (_, index) => Math.sin(index * 0.3) / 2);
const SILENCE = new Float32Array(VOICE.length);

function mixed(planes: Float32Array[], surround = false): Float32Array {
  const mixer = new Mixer(RATE, weightsOf(planes.length, surround));
  const pieces: Float32Array[] = [];
  for (let start = 0; start < planes[0].length; start += 1024) {
    pieces.push(...mixer.push(planes.map((plane) => plane.subarray(start, start + 1024))));
  }
  pieces.push(...mixer.finish());
  return Float32Array.from(pieces.flatMap((piece) => [...piece]));
}

function level(samples: Float32Array): number {
  const middle = samples.subarray(8_000, -8_000);
  return Math.sqrt(middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length);
}

test("opposite phases do not cancel", () => {
  const samples = mixed([VOICE, VOICE.map((sample) => -sample)]);
  expect(samples.length).toBe(VOICE.length);
  expect(level(samples)).toBeCloseTo(level(VOICE), 3);
});

test.each([2, 3, 4, 6, 8, 16])("one voice among %i channels is heard", (count) => {
  for (let place = 0; place < count; place += 1) {
    const planes = Array.from({ length: count }, (_, index) => (index === place ? VOICE : SILENCE));
    expect(level(mixed(planes))).toBeGreaterThan(level(VOICE) / 2.01);
  }
});

test("surround sound is mixed as the standard says, and its low tones are left out", () => {
  const samples = mixed([VOICE, VOICE, VOICE, VOICE, SILENCE, SILENCE], true);
  expect(level(samples)).toBeCloseTo(
    (level(VOICE) * (1 + 2 * Math.SQRT1_2)) / (1 + 2 * Math.SQRT1_2 + 2 * 0.5),
    4,
  );
});

test("a change of channels makes no click", () => {
  const right = VOICE.map((sample, index) => (index < VOICE.length / 2 ? -sample : sample));
  const samples = mixed([VOICE, right]);
  const steps = samples.subarray(1).map((sample, index) => Math.abs(sample - samples[index]));
  expect(Math.max(...steps)).toBeLessThan(0.2);
});

test("one channel passes as it is", () => {
  expect(mixed([VOICE])).toEqual(VOICE);
});

import { expect, it } from "vitest";
import { Envelope } from "../../worker/envelope";

const FRAME = 160;

it("holds lowest and highest of every 10 ms, however the samples come", () => {
  const samples = Float32Array.from(
    { length: FRAME * 50 },
    (_, n) => Math.sin(n / 7) * (n / 8_000),
  );
  const whole = new Envelope();
  whole.push(samples);
  const pieces = new Envelope();
  for (let start = 0; start < samples.length; start += 97) {
    pieces.push(samples.subarray(start, start + 97));
  }
  const extremes = whole.slice(0, 50);
  expect(pieces.slice(0, 50)).toEqual(extremes);
  for (let frame = 0; frame < 50; frame += 1) {
    const part = samples.subarray(frame * FRAME, (frame + 1) * FRAME);
    expect(extremes[frame * 2]).toBeCloseTo(Math.min(...part) * 127, -0.5);
    expect(extremes[frame * 2 + 1]).toBeCloseTo(Math.max(...part) * 127, -0.5);
  }
});

it("still has the last 40 s after hours", () => {
  const envelope = new Envelope();
  const second = new Float32Array(16_000);
  for (let elapsed = 0; elapsed < 120; elapsed += 1) {
    envelope.push(second.fill(elapsed % 2 ? 1 : -1));
  }
  expect(Array.from(envelope.slice(11_899, 11_901))).toEqual([-127, 0, 0, 127]);
});

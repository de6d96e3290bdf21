import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Joiner } from "../../worker/joining";

type Segment = { start: number; end: number };

/** Segments of so many seconds with pauses before each, as frames. */
function segments(...times: [pause: number, length: number][]): Segment[] {
  let now = 0;
  return times.map(([pause, length]) => {
    const start = now + Math.round(pause * 100);
    now = start + Math.round(length * 100);
    return { start, end: now };
  });
}

/** How many segments come together, each time. */
function groups(all: Segment[]): number[] {
  const joiner = new Joiner<Segment>();
  const found = [...all.map((segment) => joiner.push(segment)), joiner.finish()];
  return found.map(({ length }) => length).filter(Boolean);
}

describe("segments that are joined", () => {
  it("are those of a short recording", () => {
    expect(groups(segments([0, 2], [0.5, 1], [0.5, 4]))).toEqual([3]);
  });

  it("are 15 s or more, and end with a pause between sentences", () => {
    const all = segments([0, 6], [0.5, 6], [0.5, 6], [0.5, 3], [1, 5], [0.5, 2]);
    expect(groups(all)).toEqual([4, 2]);
  });

  it("end in their longest pause where there is none between sentences", () => {
    const all = segments([0, 8], [0.4, 8], [0.4, 5], [0.6, 6], [0.5, 8], [0.4, 2]);
    expect(groups(all)).toEqual([3, 3]);
  });

  it("end with a paragraph", () => {
    expect(groups(segments([0, 2], [0.5, 2], [3.5, 2], [0.5, 2]))).toEqual([2, 2]);
    const joiner = new Joiner<Segment>();
    for (const segment of segments([0, 2], [0.5, 2])) joiner.push(segment);
    expect(joiner.rest(740)).toEqual([]);
    expect(joiner.rest(750)).toHaveLength(2);
    expect(joiner.rest(900)).toEqual([]);
  });

  it("are all of them once, in order, in at most 30 s, however people speak", () => {
    const speech = fc.array(
      fc.tuple(
        fc.double({ min: 0, max: 5, noNaN: true }),
        fc.double({ min: 0.3, max: 30, noNaN: true }),
      ),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(speech, (times) => {
        const all = segments(...times);
        const joiner = new Joiner<Segment>();
        const found = [...all.map((segment) => joiner.push(segment)), joiner.finish()];
        expect(found.flat()).toEqual(all);
        for (const group of found) {
          const frames = group.reduce((sum, { start, end }) => sum + end - start, 0);
          expect(frames).toBeLessThanOrEqual(3_000);
        }
      }),
    );
  });
});

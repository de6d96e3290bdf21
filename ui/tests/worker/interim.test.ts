import { describe, expect, it } from "vitest";
import { InterimPace } from "../../worker/interim";

/** The frames at which a picture is due, of a segment that lasts until `end`. */
function due(pace: InterimPace, start: number, end: number): number[] {
  const frames: number[] = [];
  for (let now = start + 10; now <= end; now += 10) {
    if (pace.isDue({ start, end: now })) frames.push(now - start);
  }
  return frames;
}

describe("pictures of a segment that goes on", () => {
  it("are due each second at first, and each two seconds in the end", () => {
    const frames = due(new InterimPace(), 500, 3_400);
    expect(frames.slice(0, 4)).toEqual([100, 200, 300, 400]);
    const steps = frames.slice(1).map((frame, place) => frame - frames[place]);
    expect(Math.max(...steps)).toBe(200);
    expect(steps.toSorted((one, other) => one - other)).toEqual(steps);
  });

  it("begin anew with the next segment, and are none between segments", () => {
    const pace = new InterimPace();
    expect(due(pace, 0, 150)).toEqual([100]);
    expect(pace.isDue(undefined)).toBe(false);
    expect(due(pace, 150, 400)).toEqual([100, 200]);
  });
});

/** The file's own clock: the same cases as in tests/hush/sound/test_clock.py. */

import { expect, test } from "vitest";
import { Clock, LONGEST_SILENCE, MOST_SILENCE } from "../../worker/clock";

test("a late start and a gap are silent", () => {
  const clock = new Clock(0);
  expect(clock.silenceBefore(4.8, 1)).toBeCloseTo(4.8);
  expect(clock.silenceBefore(5.8, 1)).toBe(0);
  expect(clock.silenceBefore(9, 1)).toBeCloseTo(2.2);
  expect(clock.heard).toBeCloseTo(10);
});

test("players begin where the first track does", () => {
  expect(new Clock(1.4).silenceBefore(1.4, 1)).toBe(0);
});

test("rounded times are no gaps and add up to none", () => {
  const clock = new Clock(0);
  for (let number = 0; number < 1000; number += 1) {
    expect(clock.silenceBefore(number * 0.02 + 0.009, 0.02)).toBe(0);
  }
});

test("many lost packets do not move what follows", () => {
  const clock = new Clock(0);
  for (let number = 0; number < 100; number += 1) clock.silenceBefore(number * 0.08, 0.06);
  expect(Math.abs(clock.heard - 8)).toBeLessThan(0.1);
});

test("times that begin anew go on where the sound is", () => {
  const clock = new Clock(0);
  const silences = [0, 1, 2, 0, 1, 3].map((time) => clock.silenceBefore(time, 1));
  expect(silences.at(-1)).toBeCloseTo(1);
  expect(clock.heard).toBeCloseTo(7);
  expect(clock.silenceBefore(4 + LONGEST_SILENCE + 1, 1)).toBe(0);
});

test("a file cannot ask for years of silence", () => {
  const clock = new Clock(0);
  for (let number = 0; number < 1000; number += 1) {
    clock.silenceBefore(number * LONGEST_SILENCE * 0.9, 0.02);
  }
  expect(clock.heard).toBeLessThan(MOST_SILENCE + 30);
});

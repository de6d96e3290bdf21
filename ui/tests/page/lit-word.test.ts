import { expect, it } from "vitest";
import { lastUntil } from "../../page/lit-word";

it("finds the last word that has begun", () => {
  const starts = [0.5, 1, 1, 4];
  expect([0, 0.5, 0.9, 1, 3.9, 4, 99].map((now) => lastUntil(starts, now))).toEqual([
    -1, 0, 0, 2, 2, 3, 3,
  ]);
  expect(lastUntil([], 1)).toBe(-1);
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aligned } from "../../page/alignment";

const words = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 8 });

/** Returns how many words are in the longest sequence that two have in common. */
function most(one: string[], other: string[]): number {
  if (!one.length || !other.length) return 0;
  if (one[0] === other[0]) return 1 + most(one.slice(1), other.slice(1));
  return Math.max(most(one.slice(1), other), most(one, other.slice(1)));
}

describe("two sequences of words", () => {
  it("have their longest common sequence found, in order", () => {
    fc.assert(
      fc.property(words, words, (one, other) => {
        const places = aligned(one, other);
        const found = places.filter((place) => place !== null);
        expect(found.length).toBe(most(one, other));
        expect(found).toEqual([...new Set(found)].sort((a, b) => a - b));
        for (const [index, place] of places.entries()) {
          if (place !== null) expect(other[place]).toBe(one[index]);
        }
      }),
    );
  });
});

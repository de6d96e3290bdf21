import { describe, expect, it } from "vitest";
import { fitting, keywordsIn } from "../../page/keywords";

describe("names that are typed", () => {
  it("stand between commas, or each on its line, in any script", () => {
    expect(keywordsIn("Ada Lovelace,  Charles\tBabbage\nΑθήνα；東京、大阪,, ")).toEqual([
      "Ada Lovelace",
      "Charles Babbage",
      "Αθήνα",
      "東京",
      "大阪",
    ]);
  });

  it("count once", () => {
    expect(keywordsIn("Ada, Ada")).toEqual(["Ada"]);
  });

  it("hold nothing that the service refuses", () => {
    expect(keywordsIn("<|nospeech|>")[0]).not.toContain("<|");
  });

  it("are sent as far as a model takes them, the first of them", () => {
    const names = Array.from({ length: 200 }, (_, number) => `Sweynheim ${number}`);
    const taken = fitting(names);
    expect(taken.length).toBeGreaterThan(30);
    expect(taken.length).toBeLessThan(60);
    expect(taken).toEqual(names.slice(0, taken.length));
    expect(fitting(names.slice(0, 20))).toHaveLength(20);
  });
});

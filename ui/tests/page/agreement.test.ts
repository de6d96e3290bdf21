import { describe, expect, it } from "vitest";
import { Agreement } from "../../page/agreement";

function shown(...answers: string[]) {
  const agreement = new Agreement();
  return answers.map((answer) => agreement.take(answer)).at(-1);
}

describe("words of what is still being said", () => {
  it("are grey when they are heard for the first time, but for the last, which may be half", () => {
    expect(shown(" And so my fell")).toEqual({ firm: "", grey: "And so my" });
    expect(shown("And")).toEqual({ firm: "", grey: "And" });
  });

  it("stand firm where two answers in a row agree", () => {
    expect(shown("And so my fell", "And so, my fellow Americans")).toEqual({
      firm: "And so, my",
      grey: " fellow",
    });
  });

  it("stand firm whatever a later answer says", () => {
    expect(shown("And so", "And so my", "Then so my fellow")).toEqual({
      firm: "And so my",
      grey: "",
    });
  });

  it("are found again where a later answer begins with another word", () => {
    const before = ["I want to go", "I want to go home", "Well I want to go home now"];
    expect(shown(...before)).toEqual({ firm: "I want to go home", grey: "" });
    expect(shown(...before, "Well I want to go home now please")).toEqual({
      firm: "I want to go home now",
      grey: "",
    });
  });

  it("are found again where a later answer writes a number in figures", () => {
    const before = ["nineteen eighty four was", "nineteen eighty four was a"];
    expect(shown(...before, "1984 was a good year")).toEqual({
      firm: "nineteen eighty four was a",
      grey: " good",
    });
  });

  it("have none after them where a later answer has none of them", () => {
    const before = ["nineteen eighty four", "nineteen eighty four was"];
    expect(shown(...before, "1984 was a good year")).toEqual({
      firm: "nineteen eighty four",
      grey: "",
    });
  });

  it("are not looked for far from where they were", () => {
    const before = "the one and two and three and four and five and six or the";
    const other = "the one, 2, 3, 4, 5, 6 of them";
    expect(shown(before, before, other)).toEqual({ firm: before, grey: "" });
  });

  it("stand firm as they were written first", () => {
    expect(shown("and so", "and so my", "And so, my")).toEqual({ firm: "and so my", grey: "" });
  });

  it("are not taken back by an answer that is shorter", () => {
    expect(shown("And so my", "And so my", "And")).toEqual({ firm: "And so my", grey: "" });
  });

  it("are signs in scripts that have no spaces", () => {
    expect(shown("今天天", "今天很好")).toEqual({ firm: "今天", grey: "很" });
  });

  it("are none of silence", () => {
    expect(shown("")).toEqual({ firm: "", grey: "" });
  });
});

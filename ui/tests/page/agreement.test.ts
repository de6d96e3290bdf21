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
      firm: "And so",
      grey: " my",
    });
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

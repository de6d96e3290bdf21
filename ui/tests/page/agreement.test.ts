import { describe, expect, it } from "vitest";
import { Agreement } from "../../page/agreement";

function shown(...answers: string[]) {
  const agreement = new Agreement();
  return answers.map((answer) => agreement.take(answer)).at(-1);
}

describe("words of what is still being said", () => {
  it("are grey when they are heard for the first time", () => {
    expect(shown(" And so my")).toEqual({ firm: "", grey: "And so my" });
  });

  it("stand firm where two answers in a row agree", () => {
    expect(shown("And so my fell", "And so, my fellow Americans")).toEqual({
      firm: "And so, my",
      grey: " fellow Americans",
    });
  });

  it("stand firm whatever a later answer says", () => {
    expect(shown("And so", "And so my", "Then so my fellow")).toEqual({
      firm: "And so",
      grey: " my fellow",
    });
  });

  it("are not taken back by an answer that is shorter", () => {
    expect(shown("And so my", "And so my", "And")).toEqual({ firm: "And so my", grey: "" });
  });

  it("are signs in scripts that have no spaces", () => {
    expect(shown("今天天", "今天很好")).toEqual({ firm: "今天", grey: "很好" });
  });

  it("are none of silence", () => {
    expect(shown("")).toEqual({ firm: "", grey: "" });
  });
});

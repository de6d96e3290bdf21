import { describe, expect, it } from "vitest";
import { pieces, withoutWords } from "../../page/pieces";
import type { Answer } from "../../shared/messages";

const PHRASES = [
  { start: 40, end: 41, text: "Good morning." },
  { start: 47, end: 49, text: "Then we" },
  { start: 49, end: 50, text: "went." },
];

function answer(changes: Partial<Answer>): Answer {
  const text = "Good morning. Then we went.";
  return { text, language: "english", confidence: 0.9, phrases: PHRASES, ...changes };
}

describe("the pieces of an answer", () => {
  it("are its words alone where all speech has words, or where nobody said", () => {
    expect(pieces(answer({ unheard: [] }))).toEqual(["Good morning. Then we went."]);
    expect(pieces(answer({}))).toEqual(["Good morning. Then we went."]);
  });

  it("are words and stretches without words in the order of the recording", () => {
    const [before, between, after] = [
      { start: 30, end: 38 },
      { start: 41.2, end: 46.8 },
      { start: 50.5, end: 55 },
    ];
    expect(pieces(answer({ unheard: [between, after, before] }))).toEqual([
      before,
      "Good morning.",
      between,
      "Then we went.",
      after,
    ]);
  });

  it("are stretches after the words where words have no times", () => {
    const stretch = { start: 1, end: 4 };
    expect(pieces(answer({ phrases: [], unheard: [stretch] }))).toEqual([
      "Good morning. Then we went.",
      stretch,
    ]);
  });

  it("are none of an answer without words to speech that was none", () => {
    expect(pieces(answer({ text: "", phrases: [], unheard: [] }))).toEqual([]);
    const stretch = { start: 1, end: 4 };
    expect(pieces(answer({ text: "", phrases: [], unheard: [stretch] }))).toEqual([stretch]);
  });
});

it("writes whole seconds that a stretch lies between", () => {
  expect(withoutWords({ start: 41.2, end: 46.8 })).toBe("speech without words, 0:41–0:47");
});

import { describe, expect, it } from "vitest";
import { withoutWords } from "../../page/timed-text";
import { isWord, timedWords, wordsOf } from "../../page/timed-words";
import type { Answer, Utterance, Word } from "../../shared/messages";

const WITHIN = { start: 10, end: 20 };
const TEXT = "And so, my fellow Americans: ask not.";
const WORDS = heard("And so, my fellow Americans: ask not.");

/** Returns words of a second each, from 10 s on. */
function heard(text: string): Word[] {
  return text.split(" ").map((word, place) => ({
    text: word,
    start: 10 + place,
    end: 11 + place,
    probability: 0.5 + place / 100,
  }));
}

function places(text: string, words = WORDS) {
  return timedWords(text, words, WITHIN).map(({ text, start, end }) => [text.trim(), start, end]);
}

describe("the words of a text", () => {
  it("have the times and probabilities of those that were heard", () => {
    const found = timedWords(TEXT, WORDS, WITHIN);
    expect(found.map(({ text }) => text).join("")).toBe(TEXT);
    expect(found.map(({ start, end, probability }) => ({ start, end, probability }))).toEqual(
      WORDS.map(({ start, end, probability }) => ({ start, end, probability })),
    );
  });

  it("are found again under other marks, capitals and spaces", () => {
    expect(places(" and so\nmy “fellow” americans; Ask not!")).toEqual([
      ["and", 10, 11],
      ["so", 11, 12],
      ["my", 12, 13],
      ["“fellow”", 13, 14],
      ["americans;", 14, 15],
      ["Ask", 15, 16],
      ["not!", 16, 17],
    ]);
  });

  it("that were mended have the time of those in their place", () => {
    expect(places("And so, your dear old Americans: ask not.").slice(1, 6)).toEqual([
      ["so,", 11, 12],
      ["your", 12, 12 + (2 * 5) / 14],
      ["dear", 12 + (2 * 5) / 14, 12 + (2 * 10) / 14].map((value) => expectAbout(value)),
      ["old", 12 + (2 * 10) / 14, 14].map((value) => expectAbout(value)),
      ["Americans:", 14, 15],
    ]);
  });

  it("that were put in or left out do not move the others", () => {
    expect(places("Well, and so, my very fellow Americans: not.")).toEqual([
      ["Well,", 10, 10],
      ["and", 10, 11],
      ["so,", 11, 12],
      ["my", 12, 13],
      ["very", 13, 13],
      ["fellow", 13, 14],
      ["Americans:", 14, 15],
      ["not.", 16, 17],
    ]);
  });

  it("that the model timed in halves have the time of both", () => {
    const halves = [
      { text: "twenty", start: 10, end: 11, probability: 0.9 },
      { text: "-five", start: 11, end: 12, probability: 0.9 },
      { text: "men", start: 13, end: 14, probability: 0.9 },
    ];
    expect(places("twenty-five men", halves)).toEqual([
      ["twenty-five", 10, 12],
      ["men", 13, 14],
    ]);
  });

  it("stay together where only a phrase has times", () => {
    const phrases = [
      { start: 10, end: 14, text: "And so, my fellow Americans:" },
      { start: 15, end: 17, text: "ask not." },
    ];
    expect(timedWords(TEXT, phrases, WITHIN)).toEqual([
      { text: "And so, my fellow Americans:", start: 10, end: 14, probability: null },
      { text: " ask not.", start: 15, end: 17, probability: null },
    ]);
  });

  it("of scripts without spaces are those that the model timed", () => {
    const words = [
      { text: "今日", start: 10, end: 11, probability: 0.9 },
      { text: "は", start: 11, end: 12, probability: 0.9 },
      { text: "晴れ。", start: 12, end: 13, probability: 0.9 },
    ];
    expect(timedWords("今日は晴れ。", words, WITHIN)).toEqual(words);
  });
});

function expectAbout(value: string | number) {
  return typeof value === "number" ? expect.closeTo(value, 6) : value;
}

const PHRASES = [
  { start: 40, end: 41, text: "Good morning." },
  { start: 47, end: 49, text: "Then we" },
  { start: 49, end: 50, text: "went." },
];

/** Returns what is read of an utterance: words, joined where they follow each other, and marks. */
function read(changes: Partial<Answer>, mended?: string) {
  const text = "Good morning. Then we went.";
  const answer = { text, language: "english", confidence: 0.9, phrases: PHRASES, ...changes };
  const utterance = { start: 30, end: 60, answer, ...(mended !== undefined && { mended }) };
  const found: unknown[] = [];
  for (const part of wordsOf(utterance as Utterance)) {
    const last = found.at(-1);
    if (!isWord(part)) found.push(part);
    else if (typeof last === "string") found.push(`${found.pop()}${part.text}`);
    else found.push(part.text.trim());
  }
  return found;
}

describe("an utterance", () => {
  it("is its words alone where all speech has words, or where nobody said", () => {
    expect(read({ unheard: [] })).toEqual(["Good morning. Then we went."]);
    expect(read({})).toEqual(["Good morning. Then we went."]);
  });

  it("is words and stretches without words in the order of the recording", () => {
    const [before, between, after] = [
      { start: 30, end: 38 },
      { start: 41.2, end: 46.8 },
      { start: 50.5, end: 55 },
    ];
    const unheard = [between, after, before];
    expect(read({ unheard })).toEqual([before, "Good morning.", between, "Then we went.", after]);
    expect(read({ unheard }, "Good evening. Then we went.")).toEqual([
      before,
      "Good evening.",
      between,
      "Then we went.",
      after,
    ]);
  });

  it("has stretches after the words where words have no times", () => {
    const stretch = { start: 31, end: 34 };
    expect(read({ phrases: [], unheard: [stretch] })).toEqual([
      "Good morning. Then we went.",
      stretch,
    ]);
  });

  it("is nothing where no words answer what was no speech", () => {
    expect(read({ text: "", phrases: [], unheard: [] })).toEqual([]);
    const stretch = { start: 1, end: 4 };
    expect(read({ text: "", phrases: [], unheard: [stretch] })).toEqual([stretch]);
  });
});

it("writes whole seconds that a stretch lies between", () => {
  expect(withoutWords({ start: 41.2, end: 46.8 })).toBe("speech without words, 0:41–0:47");
});

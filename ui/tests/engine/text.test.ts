import { expect, test } from "vitest";
import { compressionRatio, saidAgain } from "../../engine/repetition";
import { aligned, timedWords } from "../../engine/word-times";
import { VECTORS, vocabulary } from "./vectors";

test.each(VECTORS.tokens)("$vocabulary: $text", (expected) => {
  const tokens = vocabulary(expected.vocabulary);
  const { text, tokens: encoded } = expected;
  expect(tokens.encode(text)).toEqual(encoded);
  expect(tokens.decode(encoded)).toBe(text);
  // Half a character is told as such.
  expect(tokens.decode(encoded.slice(0, encoded.length >> 1))).toBe(expected.half);
  expect(tokens.words(encoded, expected.language)).toEqual(expected.words);
});

test("a text starts with its language and its task, but for models of English alone", () => {
  expect(vocabulary("gpt2").start("en", "transcribe")).toEqual([50_257]);
  expect(vocabulary("multilingual").start("en", "translate")).toEqual([50_258, 50_259, 50_358]);
});

test.each(VECTORS.loops)("what $tokens says again", ({ tokens, again }) => {
  expect(saidAgain(tokens)).toEqual(again);
});

test.each(VECTORS.ratios)("how well $text compresses", async ({ text, ratio }) => {
  // zlib of browsers is tuned for speed, and writes a byte more or less.
  expect(Math.abs((await compressionRatio(text)) / ratio - 1)).toBeLessThan(0.03);
});

test.each(VECTORS.alignments)("the way of $tokens tokens through $spoken steps", (expected) => {
  const { heads, tokens, steps, spoken, path } = expected;
  const attention = Float32Array.from(expected.attention);
  expect(aligned(attention, heads, tokens, steps, 1, tokens - 2, spoken)).toEqual(path);
});

test.each(VECTORS.word_times)("words from frame $seek on", (expected) => {
  const { path, probabilities, words, texts, phrases, seek, until } = expected;
  const timed = timedWords(path, probabilities, words, texts, phrases, seek, until);
  expect(timed).toHaveLength(expected.timed.length);
  for (const [place, part] of expected.timed.entries()) {
    expect(timed[place].map(({ word }) => word)).toEqual(part.map(({ word }) => word));
    for (const [at, { start, end, probability }] of part.entries()) {
      expect(timed[place][at].start).toBeCloseTo(start, 6);
      expect(timed[place][at].end).toBeCloseTo(end, 6);
      expect(timed[place][at].probability).toBeCloseTo(probability, 6);
    }
  }
});

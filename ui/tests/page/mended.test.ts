import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mendingOf, phrasesOf, textOf } from "../../page/mended";
import { plain } from "../../page/typography";
import type { Phrase, Utterance } from "../../shared/messages";

const HEARD = ["And so, my fellow Americans,", "ask not what your country", "can do for you."];

function utterance(mended?: string, texts = HEARD): Utterance {
  const phrases: Phrase[] = texts.map((text, at) => ({ start: 10 + at, end: 11 + at, text }));
  const answer = { text: texts.join(" "), language: null, confidence: null, phrases };
  return { start: 10, end: 20, answer, ...(mended !== undefined && { mended }) } as Utterance;
}

/** Returns the mended words, phrase by phrase; "" where a phrase has none. */
function spread(mended: string, texts = HEARD): string[] {
  const found = phrasesOf(utterance(mended, texts));
  return texts.map((_, at) => found.find(({ start }) => start === 10 + at)?.text ?? "");
}

describe("mended words", () => {
  it("are in the phrases of those that stayed", () => {
    expect(spread("And so, my dear Americans: Ask not what your city can do for you!")).toEqual([
      "And so, my dear Americans:",
      "Ask not what your city",
      "can do for you!",
    ]);
  });

  it("that were added are with those before, or after where a sentence ends", () => {
    expect(spread(HEARD.join(" ").replace("country", "country, ever,"))[1]).toBe(
      "ask not what your country, ever,",
    );
    const sentences = ["Good morning.", "We begin."];
    expect(spread("Good morning. Then we begin.", sentences)).toEqual([
      "Good morning.",
      "Then we begin.",
    ]);
    expect(spread("Well, good morning. We begin. Now.", sentences)).toEqual([
      "Well, good morning.",
      "We begin. Now.",
    ]);
  });

  it("that are all new are shared among the phrases of those that they stand for", () => {
    const texts = ["one two", "three four"];
    expect(spread("eins zwei drei vier", texts)).toEqual(["eins zwei", "drei vier"]);
    expect(spread("eins", texts)).toEqual(["eins", ""]);
  });

  it("leave out phrases that have none any more", () => {
    expect(spread("And so, my fellow Americans.")).toEqual([
      "And so, my fellow Americans.",
      "",
      "",
    ]);
    expect(phrasesOf(utterance(""))).toEqual([]);
  });

  it("of scripts without spaces are in the phrases of their signs", () => {
    expect(spread("今日は雨。公園に行く。", ["今日は晴れ。", "公園へ行く。"])).toEqual([
      "今日は雨。",
      "公園に行く。",
    ]);
  });

  it("are one phrase where nothing had times, or words", () => {
    const whole = { start: 10, end: 20, text: "Something else." };
    expect(phrasesOf({ ...utterance("Something else.", []) })).toEqual([whole]);
    const timeless = utterance(" Something  else. ");
    timeless.answer = { text: "Some thing", language: null, confidence: null, phrases: [] };
    expect(phrasesOf(timeless)).toEqual([whole]);
  });

  it("are all there, in order, whatever was written", () => {
    const word = fc.constantFrom("and", "so", "Ask", "not", "you.", "—", "new", "words,", "晴れ。");
    const text = fc.array(word, { maxLength: 30 }).map((words) => words.join(" "));
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 4 }), (mended, texts) => {
        const found = phrasesOf(utterance(mended, texts));
        const bare = (words: string) => words.replaceAll(" ", "");
        expect(bare(found.map((phrase) => phrase.text).join(""))).toBe(bare(plain(mended)));
        const starts = found.map(({ start }) => start);
        expect(starts).toEqual(starts.toSorted((one, other) => one - other));
      }),
    );
  });

  it("are none where they are those that were heard", () => {
    expect(mendingOf(utterance(), ` ${HEARD.join("\n")} `)).toBeNull();
    expect(mendingOf(utterance("other"), HEARD.join(" "))).toBeNull();
    expect(mendingOf(utterance(), " a\n b ")).toBe("a b");
    expect([textOf(utterance()), textOf(utterance(""))]).toEqual([HEARD.join(" "), ""]);
  });
});

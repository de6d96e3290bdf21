import { describe, expect, it } from "vitest";
import type { Take } from "../../page/library";
import { find, type Query, replaced } from "../../page/search";
import type { Utterance } from "../../shared/messages";

function take(title: string, ...texts: (string | [heard: string, mended: string])[]): Take {
  const utterances = texts.map((text, at) => {
    const [heard, mended] = typeof text === "string" ? [text] : text;
    return {
      id: `${title}/${at}`,
      start: at,
      end: at + 1,
      state: "answered",
      answer: { text: heard, language: null, confidence: null, phrases: [] },
      ...(mended !== undefined && { mended }),
    } as Partial<Utterance> as Utterance;
  });
  const recording = { id: title, name: `${title}.m4a`, title, kind: "file" };
  return { recording, utterances } as Partial<Take> as Take;
}

function query(text: string, changes: Partial<Query> = {}): Query {
  return { text, matchCase: false, wholeWords: false, ...changes };
}

const TAKES = [
  take("Board", "Hello and welcome.", ["The hand of Anne.", "The band of Anna."]),
  take("Walk", "Nothing here but sand."),
];

/** Returns what is found as text: the place's words with what was found in brackets. */
function found(sought: Query): string[] {
  return find(TAKES, sought).flatMap(({ take: { recording }, inTitle, places }) => [
    ...(inTitle ? [`[${recording.title}]`] : []),
    ...places.map(({ before, found, after }) => `${before}[${found}]${after}`),
  ]);
}

describe("a search", () => {
  it("finds words as they count in all recordings, and names", () => {
    expect(found(query("and"))).toEqual([
      "Hello [and] welcome.",
      "The b[and] of Anna.",
      "Nothing here but s[and].",
    ]);
    expect(found(query("anne"))).toEqual([]);
    expect(found(query("WALK"))).toEqual(["[Walk]"]);
    expect(found(query("  "))).toEqual([]);
  });

  it("minds whole words and capitals where somebody wants that", () => {
    expect(found(query("and", { wholeWords: true }))).toEqual(["Hello [and] welcome."]);
    expect(found(query("THE", { matchCase: true }))).toEqual([]);
    expect(found(query("The", { matchCase: true }))).toEqual(["[The] band of Anna."]);
  });

  it("takes signs as they are, and any space for a space", () => {
    const signs = take("C", "1 + (2) = $3 / [x] ^ a.b*c? {} | \\ done", "two  spaces");
    expect(find([signs], query("+ (2) = $3 / [x] ^ a.b*c? {} | \\"))).toHaveLength(1);
    expect(find([signs], query("a-b*c"))).toEqual([]);
    expect(find([signs], query("two spaces"))[0].places[0].found).toBe("two  spaces");
  });

  it("shows a few words around what was found", () => {
    const [{ places }] = find(
      [take("Long", `${"word ".repeat(30)}here ${"word ".repeat(30)}`)],
      query("here"),
    );
    expect(places[0].before).toMatch(/^…(word )+$/);
    expect(places[0].after).toMatch(/^( word)+…$/);
    expect(places[0].before.length).toBeLessThan(50);
  });
});

describe("a replacement", () => {
  it("is in all places, with its signs as they are", () => {
    expect(replaced("The band and Andy.", query("and"), "$& or")).toBe("The b$& or $& or $& ory.");
    expect(replaced("The band and Andy.", query("and", { wholeWords: true }), "or")).toBe(
      "The band or Andy.",
    );
  });

  it("of nothing leaves no space behind", () => {
    expect(replaced("Well um we go um.", query("um", { wholeWords: true }), "")).toBe(
      "Well we go.",
    );
  });
});

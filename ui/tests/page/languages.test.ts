import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isForeign, languageCode, wordsIn } from "../../page/languages";
import type { Utterance } from "../../shared/messages";

function utterance(language: string | null, task = "transcribe", text = "words"): Utterance {
  return { wishes: { language: "", task }, answer: { text, language } } as Utterance;
}

describe("languages", () => {
  it("have codes, all that models know", () => {
    const listed = readFileSync("../service/hush_service/engine/languages.py", "utf-8");
    const [, names = ""] = /^LANGUAGES = \{(.*?)^\}/ms.exec(listed) ?? [];
    const known = [...names.matchAll(/"(\w+)": "([^"]+)"/g)];
    expect(known.length).toBeGreaterThan(90);
    for (const [, code, name] of known) {
      // Javanese has another code on web pages than in models.
      expect([languageCode(name), name]).toEqual([code === "jw" ? "jv" : code, name]);
    }
    expect(languageCode("elvish")).toBe("");
  });

  it("are those of the words, not of the speech, where it was translated", () => {
    expect(wordsIn(utterance("german"))).toBe("de");
    expect(wordsIn(utterance("german", "translate"))).toBe("en");
    expect(wordsIn(utterance(null))).toBe("");
  });

  it("are foreign if there is something to translate", () => {
    expect(isForeign(utterance("german"))).toBe(true);
    expect(isForeign(utterance("english"))).toBe(false);
    expect(isForeign(utterance("german", "translate"))).toBe(false);
    expect(isForeign(utterance("german", "transcribe", ""))).toBe(false);
  });
});

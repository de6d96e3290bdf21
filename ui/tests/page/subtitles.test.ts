import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { type Layout, subRip, webVtt } from "../../page/subtitles";
import { joined } from "../../page/typography";
import type { Phrase } from "../../shared/messages";

const FILE = resolve(import.meta.dirname, "../../../tests/ui/vectors/subtitles.json");
const VECTORS: {
  subtitles: { phrases: Phrase[]; layout: Layout; srt: string; vtt: string }[];
  joined: { texts: string[]; whole: string }[];
} = JSON.parse(readFileSync(FILE, "utf-8"));

describe("subtitles are those of the library", () => {
  it.each(VECTORS.subtitles.map((vector) => [vector.phrases[0].text.slice(0, 20), vector]))(
    "%s",
    (_, { phrases, layout, srt, vtt }) => {
      expect(subRip(phrases, layout)).toBe(srt);
      expect(webVtt(phrases, layout)).toBe(vtt);
    },
  );
});

it("texts are joined as the library joins them", () => {
  for (const { texts, whole } of VECTORS.joined) expect(joined(texts)).toBe(whole);
});

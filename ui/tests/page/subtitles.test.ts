import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { phrasesOf } from "../../page/mended";
import { type Layout, subRip, webVtt } from "../../page/subtitles";
import { joined, plain, width } from "../../page/typography";
import type { Phrase, Utterance } from "../../shared/messages";

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

describe("subtitles of words that somebody mended keep the rules", () => {
  it.each(VECTORS.subtitles.map((vector) => [vector.phrases[0].text.slice(0, 20), vector]))(
    "%s",
    (_, { phrases, layout }) => {
      const heard = joined(phrases.map(({ text }) => text));
      // Every third word is another, and one sentence is new.
      const words = heard.split(" ").map((word, at) => (at % 3 === 1 ? "mended" : word));
      const mended = plain(`${words.join(" ")} And one that is new.`);
      const answer = { text: heard, language: null, confidence: null, phrases };
      const srt = subRip(phrasesOf({ start: 0, end: 9, answer, mended } as Utterance), layout);
      const cues = srt
        .trimEnd()
        .split("\n\n")
        .map((cue) => cue.split("\n"));
      const times = cues.map(([, line]) => line.split(" --> ").map(milliseconds));
      const bare = (text: string) => text.replace(/-{2,}>/g, "->").replace(/\s/g, "");
      const written = cues.flatMap(([, , ...lines]) => lines);
      if (isInOrder(phrases)) expect(bare(written.join(""))).toBe(bare(mended));
      for (const line of written) expect(width(line)).toBeLessThanOrEqual(layout.lineWidth);
      for (const [, , ...lines] of cues) expect(lines.length).toBeLessThanOrEqual(layout.lines);
      times.forEach(([start, end], at) => {
        expect(end - start).toBeGreaterThanOrEqual(100);
        expect(end - start).toBeLessThanOrEqual(7_000);
        if (at) expect(start).toBeGreaterThanOrEqual(times[at - 1][1]);
      });
    },
  );
});

function isInOrder(phrases: Phrase[]): boolean {
  return phrases.every(({ start }, at) => !at || phrases[at - 1].start <= start);
}

function milliseconds(time: string): number {
  const [hours, minutes, seconds] = time.split(":");
  return (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(seconds.replace(",", ""));
}

it("texts are joined as the library joins them", () => {
  for (const { texts, whole } of VECTORS.joined) expect(joined(texts)).toBe(whole);
});

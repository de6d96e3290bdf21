/**
 * Subtitles as people read them: phrases cut into cues and lines, in order, and written. It is
 * hush/subtitles.py in TypeScript, but for the times of words, which the page does not ask for.
 */

import type { Phrase } from "../shared/messages";
import { breakPenalty, pieces, plain, width } from "./typography";

/** How subtitles are shaped. */
export interface Layout {
  /** Signs that a line has at most; those of Chinese, Japanese and Korean count two. */
  lineWidth: number;
  /** Lines that a cue has at most. */
  lines: number;
  /** Words that a cue has at most; 0 for as many as find room. */
  words: number;
}

export const USUAL_LAYOUT: Layout = { lineWidth: 42, lines: 2, words: 0 };
/** Milliseconds. */
const SHORTEST_CUE = 100;
/** Seconds. */
const LONGEST_CUE = 7;

/** What is never cut: a word with the space before it, or a sign of Chinese. */
interface Unit {
  text: string;
  start: number;
  end: number;
}

/** What is seen at once; times in milliseconds. */
interface Cue {
  start: number;
  end: number;
  lines: string[];
}

/** Writes phrases as SubRip. */
export function subRip(phrases: readonly Phrase[], layout = USUAL_LAYOUT): string {
  return cues(phrases, layout)
    .map(({ start, end, lines }, index) => {
      // An arrow in the text would begin a subtitle of its own.
      const text = lines.map((line) => line.replace(/-{2,}>/g, "->")).join("\n");
      return `${index + 1}\n${clock(start, ",")} --> ${clock(end, ",")}\n${text}\n`;
    })
    .join("\n");
}

/** Writes phrases as WebVTT. */
export function webVtt(phrases: readonly Phrase[], layout = USUAL_LAYOUT): string {
  const written = cues(phrases, layout).map(
    ({ start, end, lines }) =>
      `${clock(start, ".")} --> ${clock(end, ".")}\n${lines.map(escaped).join("\n")}\n`,
  );
  return ["WEBVTT\n", ...written].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Writes milliseconds as subtitles do: 01:02:03,450. */
function clock(milliseconds: number, fractionMark: "," | "."): string {
  const parts = [3_600_000, 60_000, 1_000].map((unit, index) =>
    String(Math.floor(milliseconds / unit) % (index ? 60 : 1e6)).padStart(2, "0"),
  );
  return `${parts.join(":")}${fractionMark}${String(milliseconds % 1_000).padStart(3, "0")}`;
}

function cues(phrases: readonly Phrase[], layout: Layout): Cue[] {
  const parts = phrases
    .toSorted((one, other) => one.start - other.start)
    .flatMap((phrase) => partsOf(phrase, layout));
  const spans = inOrder(
    parts.map((units) => {
      const { start } = units[0];
      const end = Math.min(units[units.length - 1].end, start + LONGEST_CUE);
      return [inMilliseconds(start), inMilliseconds(end)];
    }),
  );
  return parts.map((units, index) => {
    const [start, end] = spans[index];
    const lines = divided(units, (line) => widthOf(line) <= layout.lineWidth, layout.lineWidth);
    return { start, end, lines: lines.map(textOf) };
  });
}

function inMilliseconds(seconds: number): number {
  return Math.floor(Math.max(0, seconds) * 1000 + 0.5);
}

/** Returns starts and ends in milliseconds that follow each other, each of some length. */
function inOrder(spans: [number, number][]): [number, number][] {
  const latest = spans.reduce((most, span) => Math.max(most, ...span), 0);
  const starts: number[] = [];
  let least = 0;
  for (const [start] of spans) {
    starts.push(Math.max(start, least));
    least = starts[starts.length - 1] + SHORTEST_CUE;
  }
  // Those that crowd at the end move back, as far as there is room.
  let most = latest - SHORTEST_CUE;
  for (let place = starts.length - 1; place >= 0 && starts[place] > most; place--) {
    starts[place] = Math.max(most, place * SHORTEST_CUE);
    most = starts[place] - SHORTEST_CUE;
  }
  return spans.map(([, end], place) => {
    const start = starts[place];
    const following = starts[place + 1] ?? Math.max(latest, start + SHORTEST_CUE);
    return [start, Math.min(Math.max(end, start + SHORTEST_CUE), following)];
  });
}

/** Returns the units of each cue of a phrase. */
function partsOf({ start, end, text }: Phrase, { lineWidth, lines, words }: Layout): Unit[][] {
  const bare = plain(text);
  if (!bare) return [];
  const found = pieces(bare, lineWidth);
  const signs = [...bare].length;
  const seconds = Math.max(0, end - start);
  let place = 0;
  const units = found.map((piece): Unit => {
    const first = place + (piece.startsWith(" ") ? 1 : 0);
    place += [...piece].length;
    const time = (at: number) => start + seconds * (at / signs);
    return { text: piece, start: time(first), end: time(place) };
  });
  return divided(
    units,
    (part) =>
      (!words || part.length <= words) &&
      lineCount(part, lineWidth) <= lines &&
      // What is not known to be slow is not torn into single words.
      (part[part.length - 1].end - part[0].start <= LONGEST_CUE || widthOf(part) <= lineWidth),
    lineWidth * lines,
  );
}

function lineCount(units: readonly Unit[], lineWidth: number): number {
  let count = 1;
  let used = 0;
  for (const { text } of units) {
    let wide = width(text);
    if (used === 0 || used + wide > lineWidth) {
      if (used > 0) count++;
      wide = width(text.trimStart());
      used = 0;
    }
    used += wide;
  }
  return count;
}

function textOf(units: readonly Unit[]): string {
  return plain(units.map(({ text }) => text).join(""));
}

function widthOf(units: readonly Unit[]): number {
  return width(textOf(units));
}

/** Divides units into the fewest parts that fit: as even as may be, ended where sense ends. */
function divided(units: Unit[], fits: (part: readonly Unit[]) => boolean, room: number): Unit[][] {
  if (fits(units)) return [units];
  const best = [{ count: 0, cost: 0, start: 0 }];
  for (let end = 1; end <= units.length; end++) {
    const penalty = end < units.length ? breakPenalty(units[end - 1].text, units[end].text) : 0;
    let chosen = { count: Number.POSITIVE_INFINITY, cost: 0, start: 0 };
    for (let start = end - 1; start >= 0; start--) {
      const part = units.slice(start, end);
      if (start < end - 1 && !fits(part)) break;
      const slack = 1 - widthOf(part) / room;
      const count = best[start].count + 1;
      const cost = best[start].cost + slack * slack + penalty;
      if (count < chosen.count || (count === chosen.count && cost <= chosen.cost)) {
        chosen = { count, cost, start };
      }
    }
    best.push(chosen);
  }
  const parts: Unit[][] = [];
  for (let end = units.length; end > 0; end = best[end].start) {
    parts.unshift(units.slice(best[end].start, end));
  }
  return parts;
}

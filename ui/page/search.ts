/** Words that are looked for in transcripts, and what takes their place. */

import { titleOf, type Utterance } from "../shared/messages";
import type { Take } from "./library";
import { textOf } from "./mended";
import { utterancesOf } from "./transcript";
import { plain } from "./typography";

/** Signs that are shown on either side of what was found. */
const AROUND = 48;

/** What is looked for. */
export interface Query {
  text: string;
  matchCase: boolean;
  wholeWords: boolean;
}

/** One place where it was found. */
export interface Place {
  utterance: Utterance;
  /** Its place in the words of the utterance, in UTF-16 units. */
  from: number;
  until: number;
  before: string;
  found: string;
  after: string;
}

/** What was found in a recording. */
export interface Finding {
  take: Take;
  inTitle: boolean;
  places: Place[];
}

/** Looks for something in the titles and the words of recordings; of no text, nothing is found. */
export function find(takes: readonly Take[], query: Query): Finding[] {
  const sought = pattern(query);
  if (!sought) return [];
  return takes
    .map((take) => ({
      take,
      inTitle: titleOf(take.recording).search(sought) >= 0,
      places: utterancesOf(take).flatMap((utterance) => placesIn(utterance, sought)),
    }))
    .filter(({ inTitle, places }) => inTitle || places.length);
}

/** Returns a text with something else in all places of what is looked for. */
export function replaced(text: string, query: Query, replacement: string): string {
  // Nothing takes the space before it along.
  const sought = pattern(query, replacement ? "" : "\\s*");
  // As a function, it has no signs that mean something.
  return sought ? plain(text.replace(sought, () => replacement)) : text;
}

function placesIn(utterance: Utterance, sought: RegExp): Place[] {
  const text = textOf(utterance);
  return Array.from(text.matchAll(sought), ({ 0: found, index }) => {
    const until = index + found.length;
    return {
      utterance,
      from: index,
      until,
      before: before(text.slice(0, index)),
      found,
      after: after(text.slice(until)),
    };
  });
}

function pattern({ text, matchCase, wholeWords }: Query, before = ""): RegExp | null {
  const bare = plain(text);
  if (!bare) return null;
  const literal = bare.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replaceAll(" ", "\\s+");
  const whole = wholeWords ? `(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])` : literal;
  return new RegExp(before + whole, matchCase ? "gu" : "giu");
}

function before(text: string): string {
  if (text.length <= AROUND) return text;
  return `…${text.slice(-AROUND).replace(/^[^\s]*\s/, "")}`;
}

function after(text: string): string {
  if (text.length <= AROUND) return text;
  return `${text.slice(0, AROUND).replace(/\s[^\s]*$/, "")}…`;
}

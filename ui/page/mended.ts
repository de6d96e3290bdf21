/** The words of an utterance as they count: as somebody mended them, else as they were heard. */

import type { Phrase, Utterance } from "../shared/messages";
import { aligned } from "./alignment";
import { spoken } from "./spoken";
import { breakPenalty, pieces, plain } from "./typography";

/** Returns an utterance's words as they count. */
export function textOf({ answer, mended }: Pick<Utterance, "answer" | "mended">): string {
  return mended ?? answer?.text ?? "";
}

/** Whether somebody mended an utterance's words. */
export function isMended({ mended }: Utterance): boolean {
  return mended !== undefined;
}

/** Returns what is to be kept of words that somebody wrote: null where they are those heard. */
export function mendingOf({ answer }: Utterance, written: string): string | null {
  const text = plain(written);
  return text === plain(answer?.text ?? "") ? null : text;
}

/** Returns an utterance's phrases as they were heard; all of its words where it has none. */
export function heardPhrases({ start, end, answer }: Utterance): Phrase[] {
  if (!answer?.text) return [];
  return answer.phrases.length ? answer.phrases : [{ start, end, text: answer.text }];
}

/**
 * Returns an utterance's phrases with the words that count: those that stayed are where they were
 * heard, others where those were that they stand for, or beside their neighbours.
 */
export function phrasesOf(utterance: Utterance): Phrase[] {
  const { start, end, mended } = utterance;
  if (mended === undefined) return heardPhrases(utterance);
  const heard = heardPhrases(utterance).filter(({ text }) => plain(text));
  const written = pieces(plain(mended), Number.POSITIVE_INFINITY);
  if (!heard.length) return written.length ? [{ start, end, text: plain(mended) }] : [];
  const places = phraseOfEach(written, heard);
  return heard
    .map((phrase, place) => ({
      ...phrase,
      text: plain(written.filter((_, index) => places[index] === place).join("")),
    }))
    .filter(({ text }) => text);
}

/** Returns the place of the phrase that each written word belongs to. */
function phraseOfEach(written: string[], phrases: Phrase[]): number[] {
  const heard = phrases.flatMap(({ text }, phrase) =>
    pieces(plain(text), Number.POSITIVE_INFINITY).map((word) => ({ word: sound(word), phrase })),
  );
  const same = aligned(
    written.map(sound),
    heard.map(({ word }) => word),
  );
  const found: number[] = [];
  for (let from = 0; from < written.length; ) {
    const place = same[from];
    if (place !== null) {
      found.push(heard[place].phrase);
      from += 1;
      continue;
    }
    // Words that are new, from here until the next that stayed.
    const stayed = same.findIndex((at, index) => index > from && at !== null);
    const until = stayed < 0 ? written.length : stayed;
    const first = from > 0 ? (same[from - 1] as number) + 1 : 0;
    const replaced = (same[until] ?? heard.length) - first;
    for (let index = from; index < until; index += 1) {
      const share = Math.floor(((index - from) * replaced) / (until - from));
      const at = replaced ? first + share : neighbour(written, from, first, heard.length);
      found.push(heard[at].phrase);
    }
    from = until;
  }
  return found;
}

/** Returns which heard word new ones stand beside: the one before, unless that ends a sentence. */
function neighbour(written: string[], from: number, next: number, count: number): number {
  const follows = from > 0 && breakPenalty(written[from - 1], written[from]) > 0;
  return (follows && next > 0) || next >= count ? next - 1 : next;
}

function sound(word: string): string {
  return spoken(word) || word.trim();
}

/** Which words of what is still being said stand firm: those that two answers in a row agree on. */

import { spoken } from "./spoken";
import { pieces } from "./typography";

/** So many words an answer may have more or fewer than the one before, for the same speech. */
const DRIFT = 4;

/** Words of an utterance that is still being said. */
export interface InterimWords {
  /** Words that stay until the final ones come. */
  firm: string;
  /** Words after them that may change. */
  grey: string;
}

/** Follows the answers about one utterance. */
export class Agreement {
  readonly #firm: string[] = [];
  /** What the last answer had after the firm words. */
  #rest: string[] = [];

  /** Takes the next answer, of a longer picture, and returns what is to be shown. */
  take(text: string): InterimWords {
    // Signs that are read as words stand apart in scripts without spaces.
    const words = pieces(text.trim(), Number.POSITIVE_INFINITY);
    const begin = endOf(this.#firm, words);
    const rest = begin === null ? [] : words.slice(begin);
    const differs = rest.findIndex((word, place) => !isSame(word, this.#rest[place]));
    const agreed = rest.splice(0, differs < 0 ? rest.length : differs);
    this.#firm.push(...agreed);
    this.#rest = rest;
    // The last word is often half of one: it is shown when another follows it.
    const grey = words.length > 1 ? rest.slice(0, -1) : rest;
    return { firm: this.#firm.join(""), grey: grey.join("") };
  }
}

/** Returns where in an answer's words the firm ones end; null where their last are not in it. */
function endOf(firm: string[], words: string[]): number | null {
  if (!firm.length) return 0;
  for (let count = Math.min(firm.length, words.length); count > 0; count -= 1) {
    const last = firm.slice(-count);
    const ends = words
      .map((_, start) => start + count)
      .filter((end) => Math.abs(end - firm.length) <= Math.max(DRIFT, count))
      .filter((end) => last.every((word, place) => isSame(word, words[end - count + place])));
    // Words that come again are told apart by their place.
    const off = (end: number) => Math.abs(end - firm.length);
    if (ends.length) return ends.reduce((best, end) => (off(end) < off(best) ? end : best));
  }
  return null;
}

/** Whether two words are the same to who hears them. */
function isSame(word: string, other: string | undefined): boolean {
  return other !== undefined && heard(word) === heard(other);
}

function heard(word: string): string {
  return spoken(word) || word.trim();
}

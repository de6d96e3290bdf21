/** Which words of what is still being said stand firm: those that two answers in a row agree on. */

import { pieces } from "./typography";

/** Words of an utterance that is still being said. */
export interface InterimWords {
  /** Words that stay until the final ones come. */
  firm: string;
  /** Words after them that may change. */
  grey: string;
}

/** Follows the answers about one utterance. */
export class Agreement {
  #last: string[] = [];
  readonly #firm: string[] = [];

  /** Takes the next answer, of a longer picture, and returns what is to be shown. */
  take(text: string): InterimWords {
    // Signs that are read as words stand apart in scripts without spaces.
    const words = pieces(text.trim(), Number.POSITIVE_INFINITY);
    const agreed = words.findIndex((word, place) => !isSame(word, this.#last[place]));
    const count = agreed < 0 ? words.length : agreed;
    this.#firm.push(...words.slice(this.#firm.length, count));
    this.#last = words;
    // The last word is often half of one: it is shown when another follows it.
    const whole = words.length > 1 ? words.slice(0, -1) : words;
    return { firm: this.#firm.join(""), grey: whole.slice(this.#firm.length).join("") };
  }
}

/** Whether two words are the same to who hears them. */
function isSame(word: string, other: string | undefined): boolean {
  return other !== undefined && spoken(word) === spoken(other);
}

function spoken(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "") || word.trim();
}

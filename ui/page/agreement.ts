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
  #firm: string[] = [];

  /** Takes the next answer, of a longer picture, and returns what is to be shown. */
  take(text: string): InterimWords {
    // Signs that are read as words stand apart in scripts without spaces.
    const words = pieces(text.trim(), Number.POSITIVE_INFINITY);
    const agreed = words.findIndex((word, place) => !isSame(word, this.#last[place]));
    const count = agreed < 0 ? words.length : agreed;
    if (count > this.#firm.length) this.#firm = words.slice(0, count);
    this.#last = words;
    return { firm: this.#firm.join(""), grey: words.slice(this.#firm.length).join("") };
  }
}

/** Whether two words are the same to who hears them. */
function isSame(word: string, other: string | undefined): boolean {
  return other !== undefined && spoken(word) === spoken(other);
}

function spoken(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "") || word.trim();
}

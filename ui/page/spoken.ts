/** Words as they are heard: without capitals and marks. */

import { pieces, plain } from "./typography";

/** Returns the words of a text as they are heard; in scripts without spaces, signs. */
export function spokenWords(text: string): string[] {
  return pieces(plain(text), Number.POSITIVE_INFINITY).map(spoken).filter(Boolean);
}

/** Returns a word as it is heard; "" where it is marks alone. */
export function spoken(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

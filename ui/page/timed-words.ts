/** The words of a text, mended or not, with the times at which they are heard. */

import type { Phrase, Stretch, Utterance, Word } from "../shared/messages";
import { aligned } from "./alignment";
import { spoken } from "./spoken";
import { pieces, plain } from "./typography";

/** What was timed: a word, or a phrase where words have no times. */
type Timed = Phrase & { probability?: number | null };

/** A word or a sign of what was heard, and which of those that were timed it is of. */
interface Heard extends Stretch {
  text: string;
  of: number;
}

/**
 * Returns an utterance's words as they are written, each with the space before it, and its
 * stretches without words, in the order of the recording.
 */
export function wordsOf(utterance: Utterance): (Word | Stretch)[] {
  const { answer, mended, start, end } = utterance;
  if (!answer) return [];
  const whole = { start, end, text: answer.text };
  const timed = [answer.words, answer.phrases].find((some) => some?.length) ?? [whole];
  const found: (Word | Stretch)[] = timedWords(mended ?? answer.text, timed, whole);
  for (const stretch of (answer.unheard ?? []).toSorted((one, other) => one.start - other.start)) {
    const place = found.findIndex((other) => other.start >= stretch.start && isWord(other));
    found.splice(place < 0 ? found.length : place, 0, stretch);
  }
  return found;
}

/** Whether it is a word, and no stretch without words. */
export function isWord(part: Word | Stretch): part is Word {
  return "text" in part;
}

/**
 * Cuts a text into words with times; together they are the text, with one space for each white one.
 *
 * Words that were timed are found again in sequence, whatever marks are beside them; others, as
 * mended ones are, share the time between those. What was timed as one stays one.
 *
 * @param within - where words are of which nothing is known
 */
export function timedWords(text: string, timed: readonly Timed[], within: Stretch): Word[] {
  const shown = pieces(plain(text), Number.POSITIVE_INFINITY);
  const heard = timed.flatMap(divided);
  const places = aligned(
    shown.map(spoken),
    heard.map((one) => spoken(one.text)),
  );
  const found: Word[] = [];
  /** Of which of those that were timed the last word is. */
  let last: number | null = null;
  for (let place = 0; place < shown.length; ) {
    const match = places[place];
    if (match !== null) {
      const { of, start, end } = heard[match];
      const before = found.at(-1);
      if (before && of === last) {
        before.text += shown[place];
        before.end = Math.max(before.end, end);
      } else {
        found.push({ text: shown[place], start, end, probability: timed[of].probability ?? null });
      }
      last = of;
      place += 1;
      continue;
    }
    let next = place;
    while (next < shown.length && places[next] === null) next += 1;
    const left = heard.slice((places[place - 1] ?? -1) + 1, places[next] ?? heard.length);
    const gap = {
      start: left[0]?.start ?? found.at(-1)?.end ?? within.start,
      end: left.at(-1)?.end ?? heard[places[next] ?? heard.length]?.start ?? within.end,
    };
    found.push(...shared(shown.slice(place, next), gap));
    last = null;
    place = next;
  }
  return found;
}

/** Returns the words and signs of what was timed as one. */
function divided(timed: Timed, of: number): Heard[] {
  const texts = pieces(plain(timed.text), Number.POSITIVE_INFINITY);
  return shared(texts, timed).map(({ text, start, end }) => ({ text, start, end, of }));
}

/** Shares a stretch among texts, as long as they are. */
function shared(texts: string[], { start, end }: Stretch): Word[] {
  const signs = texts.reduce((sum, { length }) => sum + length, 0);
  let place = 0;
  const time = (length: number) => {
    place += length;
    return start + (Math.max(0, end - start) * place) / signs;
  };
  return texts.map((text) => ({
    text,
    start: time(0),
    end: time(text.length),
    probability: null,
  }));
}

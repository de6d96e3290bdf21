/** How utterances are read: live ones as running text, settled by the joined picture of them. */

import type { Utterance } from "../shared/messages";
import { aligned } from "./alignment";
import type { Take } from "./library";
import { isMended } from "./mended";
import { spokenWords } from "./spoken";

/** Silence that begins a paragraph of live speech, in seconds. */
const PAUSE = 3;
/** A joined picture with fewer of its parts' words lost some, and settles nothing; nor do loops. */
const KEPT_WORDS = 0.75;
/** A part with fewer of its words in the joined picture was left out of it. */
const KEPT_OF_PART = 0.5;

const NOTHING: ReadonlySet<string> = new Set();

/** What stands together. */
export interface Paragraph {
  /** As heard one by one, in order. */
  parts: Utterance[];
  /** As heard together, once that has words. */
  settled: Utterance | null;
}

/**
 * Returns a recording's paragraphs: of a file, each utterance is one.
 *
 * @param held - Ids of utterances whose words somebody is mending: they stay as they are.
 */
export function paragraphs(
  { recording, utterances }: Take,
  held: ReadonlySet<string> = NOTHING,
): Paragraph[] {
  const found: Paragraph[] = [];
  for (const next of settledParts(utterances, held)) {
    const last = found.at(-1);
    const pause = next.parts[0].start - (last?.parts.at(-1)?.end ?? 0);
    const goesOn = recording.kind === "microphone" && !next.settled && pause < PAUSE;
    if (last && !last.settled && goesOn) last.parts.push(...next.parts);
    else found.push(next);
  }
  return found;
}

/** Returns the utterances whose words count, in order. */
export function said({ parts, settled }: Paragraph): Utterance[] {
  return settled ? [settled] : parts;
}

/** Returns what a joined picture settles together, and all other parts alone. */
function settledParts(utterances: Utterance[], held: ReadonlySet<string>): Paragraph[] {
  const joined = utterances.filter(({ joins }) => joins);
  const gathered: Paragraph[] = [];
  let next = 0;
  for (const part of utterances) {
    if (part.joins) continue;
    while (next < joined.length && joined[next].end < part.end) next += 1;
    const whole = joined[next]?.start <= part.start ? joined[next] : null;
    const last = gathered.at(-1);
    if (whole && last?.settled === whole) last.parts.push(part);
    else gathered.push({ parts: [part], settled: whole });
  }
  return gathered.flatMap((paragraph) =>
    settles(paragraph, held)
      ? [paragraph]
      : paragraph.parts.map((part) => ({ parts: [part], settled: null })),
  );
}

/** What was found of joined pictures and their parts: it is asked whenever anything changes. */
const judged = new WeakMap<Utterance, { parts: Utterance[]; settles: boolean }>();

function settles({ parts, settled }: Paragraph, held: ReadonlySet<string>): boolean {
  if (!settled?.answer) return false;
  // What somebody wrote outlasts what is heard later.
  if (isMended(settled)) return true;
  if (parts.some((part) => isMended(part) || held.has(part.id))) return false;
  const known = judged.get(settled);
  if (known?.parts.length === parts.length && known.parts.every((part, at) => part === parts[at])) {
    return known.settles;
  }
  const answer = { parts, settles: hasWordsOf(parts, settled) };
  judged.set(settled, answer);
  return answer.settles;
}

/** Whether a joined picture has its parts' words: about as many, and of each part some. */
function hasWordsOf(parts: Utterance[], settled: Utterance): boolean {
  const words = spokenWords(settled.answer?.text ?? "");
  const heard = parts.map(({ answer }) => spokenWords(answer?.text ?? ""));
  const all = heard.flat();
  if (!all.length || words.length < KEPT_WORDS * all.length) return false;
  if (words.length > all.length / KEPT_WORDS) return false;
  const kept = aligned(all, words);
  let place = 0;
  return parts.every((part, index) => {
    const { length } = heard[index];
    const least = KEPT_OF_PART * length;
    const count = kept.slice(place, place + length).filter((found) => found !== null).length;
    place += length;
    return count >= least || hasPhraseIn(settled, part);
  });
}

/** Whether a phrase of an utterance has its middle in another one: that was heard, if otherwise. */
function hasPhraseIn({ answer }: Utterance, part: Utterance): boolean {
  const middles = answer?.phrases.map(({ start, end }) => (start + end) / 2) ?? [];
  return middles.some((middle) => middle >= part.start && middle <= part.end);
}

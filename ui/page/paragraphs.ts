/** How utterances are read: live ones as running text, settled by the joined picture of them. */

import type { Utterance } from "../shared/messages";
import type { Take } from "./library";
import { plain } from "./typography";

/** Silence that begins a paragraph of live speech, in seconds. */
const PAUSE = 3;
/** A joined picture with fewer of its parts' words lost some, and settles nothing. */
const KEPT_WORDS = 0.75;

/** What stands together. */
export interface Paragraph {
  /** As heard one by one, in order. */
  parts: Utterance[];
  /** As heard together, once that has words. */
  settled: Utterance | null;
}

/** Returns a recording's paragraphs: of a file, each utterance is one. */
export function paragraphs({ recording, utterances }: Take): Paragraph[] {
  const joined = utterances.filter(({ joins }) => joins);
  const found: Paragraph[] = [];
  let last: Utterance | null = null;
  let lastJoined: Utterance | null = null;
  let next = 0;
  for (const part of utterances) {
    if (part.joins) continue;
    while (next < joined.length && joined[next].end < part.end) next += 1;
    const whole = joined[next]?.start <= part.start ? joined[next] : null;
    const goesOn =
      last !== null &&
      recording.kind === "microphone" &&
      whole === lastJoined &&
      (whole !== null || part.start - last.end < PAUSE);
    if (goesOn) found[found.length - 1].parts.push(part);
    else found.push({ parts: [part], settled: whole });
    last = part;
    lastJoined = whole;
  }
  for (const paragraph of found) {
    if (!settles(paragraph)) paragraph.settled = null;
  }
  return found;
}

/** Returns the utterances whose words count, in order. */
export function said({ parts, settled }: Paragraph): Utterance[] {
  return settled ? [settled] : parts;
}

function settles({ parts, settled }: Paragraph): boolean {
  if (!settled?.answer) return false;
  const heard = parts.reduce((sum, part) => sum + wordCount(part), 0);
  return wordCount(settled) >= KEPT_WORDS * heard;
}

function wordCount({ answer }: Utterance): number {
  const text = plain(answer?.text ?? "");
  // Scripts without spaces have signs for words.
  return text ? Math.max(text.split(" ").length, text.length / 8) : 0;
}

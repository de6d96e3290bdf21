/** What becomes of utterances whose pictures are sent once more: for other words, or in English. */

import {
  areSame,
  type OtherWishes,
  type PictureSum,
  type Translation,
  type Utterance,
} from "../shared/messages";
import type { Outcome } from "./request";

/** Returns an utterance that waits to be heard with other wishes; its words stand until then. */
export function toBeTranscribedAgain(kept: Utterance, wishes: OtherWishes): Utterance {
  if (kept.state === "open") return kept;
  const before = kept.answer && { before: kept.before ?? kept.wishes };
  const wanted = { ...kept.wishes, ...wishes };
  return { ...kept, ...before, wishes: wanted, state: "waiting", problem: null };
}

/**
 * Returns an utterance as it was heard, or refused; with the words that it had where it was to be
 * transcribed again, and unchanged where somebody wants it otherwise since it was asked about. What
 * is beyond this device waits on, with its problem.
 */
export function heardAs(
  kept: Utterance,
  asked: Utterance,
  result: Outcome & { kind: "answered" | "refused" | "beyond" },
): Utterance {
  if (!areSame(kept.wishes, asked.wishes)) return kept;
  if (result.kind === "beyond") return { ...kept, problem: result.reason };
  const { before, ...rest } = kept;
  const settled = { ...rest, sent: asked.sent, ...(before && { again: onceMore(kept) }) };
  if (result.kind === "answered") {
    const { translation: _, ...heard } = settled;
    const { answer } = result;
    return { ...heard, state: "answered", answer, problem: null, answered: Date.now() };
  }
  const problem = result.reason;
  if (!before) return { ...settled, state: "refused", problem };
  return { ...settled, wishes: before, state: "answered", problem };
}

/** Returns an utterance with words in English, unless its words are others than were asked about. */
export function translated(kept: Utterance, asked: Utterance, translation: Translation): Utterance {
  const same = kept.answered === asked.answered;
  return { ...kept, ...(same && { translation }), again: onceMore(kept) };
}

function onceMore({ again, bytes }: Utterance): PictureSum {
  return { pictures: (again?.pictures ?? 0) + 1, bytes: (again?.bytes ?? 0) + bytes };
}

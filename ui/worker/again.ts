/** What becomes of utterances whose pictures are sent once more: for other words, or in English. */

import {
  areSame,
  hasLeft,
  type OtherWishes,
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
 *
 * @param leaves - whether its picture left for that
 */
export function heardAs(
  kept: Utterance,
  asked: Utterance,
  result: Outcome & { kind: "answered" | "refused" | "beyond" },
  leaves: boolean,
): Utterance {
  if (!areSame(kept.wishes, asked.wishes)) {
    return leaves && !hasLeft(kept) ? { ...kept, left: true } : kept;
  }
  if (result.kind === "beyond") return { ...kept, problem: result.reason };
  const { before, ...rest } = kept;
  const settled = { ...rest, sent: asked.sent, ...leaving(kept, leaves) };
  if (result.kind === "answered") {
    const { translation: _, ...heard } = settled;
    const { answer } = result;
    return { ...heard, state: "answered", answer, problem: null, answered: Date.now() };
  }
  const problem = result.reason;
  if (!before) return { ...settled, state: "refused", problem };
  return { ...settled, wishes: before, state: "answered", problem };
}

/**
 * Returns an utterance with words in English, unless its words are others than were asked about.
 *
 * @param leaves - whether its picture left for them
 */
export function translated(
  kept: Utterance,
  asked: Utterance,
  translation: Translation,
  leaves: boolean,
): Utterance {
  const same = kept.answered === asked.answered;
  return { ...kept, ...(same && { translation }), ...leaving(kept, leaves) };
}

/** Counts a picture that leaves: what left before, once more. */
function leaving(kept: Utterance, leaves: boolean): Pick<Utterance, "left" | "again"> {
  const { again, answer, bytes } = kept;
  if (!leaves || !hasLeft(kept)) return { left: leaves || hasLeft(kept) };
  // What nobody answered is sent until somebody does.
  if (!answer) return { left: true };
  const pictures = (again?.pictures ?? 0) + 1;
  return { left: true, again: { pictures, bytes: (again?.bytes ?? 0) + bytes } };
}

// Speech that no phrase accounts for: where a model stopped early, or began late.
// service/hush_service/engine/unheard.py does the same for the service.

import { FRAMES_PER_SECOND } from "../chain/framing";

/** Of each frame of 10 ms: 1 where somebody speaks. */
export type Frames = Uint8Array;

/** From one time to another. */
export interface Stretch {
  start: number;
  end: number;
}

/** How often what is left is heard again. */
export const HEARINGS = 3;

/** Seconds of speech in no phrase that are worth another look, and that are told of. */
const SHORTEST = 1;
const REPORTED = 2;
/** Frames of pause within one stretch of speech, and what is heard before and after it. */
const JOINED = 200;
const MARGIN = 20;

/** Returns where speech has no words, in seconds. */
export function reported(speech: Frames, phrases: readonly Stretch[]): Stretch[] {
  return stretches(speech, phrases, 0, speech.length, REPORTED).map(({ start, end }) => ({
    start: start / FRAMES_PER_SECOND,
    end: end / FRAMES_PER_SECOND,
  }));
}

/** Returns where between two frames speech is in no phrase, in frames. */
export function stretches(
  speech: Frames,
  phrases: readonly Stretch[],
  first: number,
  end: number,
  shortest = SHORTEST,
): Stretch[] {
  const found: Stretch[] = [];
  for (const gap of between(phrases, first, end)) {
    let run: { start: number; end: number; frames: number } | null = null;
    const close = () => {
      if (run && run.frames >= shortest * FRAMES_PER_SECOND) {
        found.push({
          start: Math.max(gap.start, run.start - MARGIN),
          end: Math.min(gap.end, run.end + MARGIN),
        });
      }
    };
    for (let frame = gap.start; frame < gap.end; frame++) {
      if (!speech[frame]) continue;
      if (run && frame - (run.end - 1) <= JOINED) {
        run = { start: run.start, end: frame + 1, frames: run.frames + 1 };
      } else {
        close();
        run = { start: frame, end: frame + 1, frames: 1 };
      }
    }
    close();
  }
  return found;
}

/** Returns what lies between phrases that are in order, in frames. */
function between(phrases: readonly Stretch[], first: number, end: number): Stretch[] {
  const gaps: Stretch[] = [];
  let reached = first;
  for (const phrase of phrases) {
    const start = Math.round(phrase.start * FRAMES_PER_SECOND);
    if (start > reached) gaps.push({ start: reached, end: Math.min(start, end) });
    reached = Math.max(reached, Math.round(phrase.end * FRAMES_PER_SECOND));
  }
  if (end > reached) gaps.push({ start: reached, end });
  return gaps;
}

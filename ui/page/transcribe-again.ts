/** What somebody wants to be transcribed again: pictures of a recording that are kept. */

import { signal } from "@preact/signals";
import type { Stretch, Utterance } from "../shared/messages";
import type { Take } from "./library";

/** Seconds by which what joins others may differ from them. */
const SLACK = 0.005;

/** A recording, or a part of it, that is to be transcribed again. */
export interface TranscribingAgain {
  recording: string;
  /** Null for all of the recording. */
  part: Stretch | null;
}

/** What a dialog asks about now. */
export const transcribingAgain = signal<TranscribingAgain | null>(null);

/** Returns what is sent once more: of a part, what was joined together with what joins it. */
export function toTranscribeAgain({ utterances }: Take, part: Stretch | null): Utterance[] {
  return utterances.filter(
    ({ state, pictureless, start, end }) =>
      state !== "open" &&
      !pictureless &&
      (!part || (start >= part.start - SLACK && end <= part.end + SLACK)),
  );
}

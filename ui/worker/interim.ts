/** When a segment that goes on is worth another picture. */

import type { Cut } from "../chain/cutter";
import { FRAMES_PER_SECOND } from "../chain/framing";

/** Time between two pictures, in frames: of short segments, and of those that cost more to hear. */
const SHORTEST = FRAMES_PER_SECOND;
const LONGEST = 2 * FRAMES_PER_SECOND;
/** The longer a segment is, the less a second more says of it. */
const SHARE = 1 / 8;

/** Tells once for each second or two of a segment that its picture so far is to be made. */
export class InterimPace {
  #start = -1;
  #next = 0;

  /** Whether the segment that goes on, if one does, is to be shown now. */
  isDue(open: Cut | undefined): boolean {
    if (!open) return false;
    if (open.start !== this.#start) {
      this.#start = open.start;
      this.#next = open.start + SHORTEST;
    }
    if (open.end < this.#next) return false;
    const length = open.end - open.start;
    this.#next = open.end + Math.min(LONGEST, Math.max(SHORTEST, Math.round(length * SHARE)));
    return true;
  }
}

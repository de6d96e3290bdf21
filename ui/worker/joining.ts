/** Which segments of live speech are heard once more together: sentences outlast short pauses. */

import type { Cut } from "../chain/cutter";
import { FRAMES_PER_SECOND } from "../chain/framing";

/** What a joined picture shows at least, where speech goes on, and at most; in frames. */
const LEAST = 15 * FRAMES_PER_SECOND;
const MOST = 30 * FRAMES_PER_SECOND;
/** A pause after which a new sentence begins, as soon as there is enough; in frames. */
const SENTENCE = 0.8 * FRAMES_PER_SECOND;
/** A pause after which nothing goes on: it begins a paragraph, as on the page; in frames. */
const PARAGRAPH = 3 * FRAMES_PER_SECOND;

/** Gathers segments until they are to be joined. */
export class Joiner<Segment extends Cut> {
  #held: Segment[] = [];

  /** Takes the next segment; returns those before it if they are complete without it. */
  push(segment: Segment): Segment[] {
    const last = this.#held.at(-1);
    let complete: Segment[] = [];
    if (last) {
      const pause = segment.start - last.end;
      const frames = length(this.#held);
      if (pause >= PARAGRAPH || (frames >= LEAST && pause >= SENTENCE)) complete = this.finish();
      else if (frames + length([segment]) > MOST) complete = this.#divide(segment);
    }
    this.#held.push(segment);
    return complete;
  }

  /** Returns the segments after which nobody spoke until `now`, if that is a paragraph's end. */
  rest(now: number): Segment[] {
    const last = this.#held.at(-1);
    return last && now - last.end >= PARAGRAPH ? this.finish() : [];
  }

  /** Returns the segments that are left. */
  finish(): Segment[] {
    return this.#held.splice(0);
  }

  /** Divides what is held and the next in the longest pause with enough before and room after. */
  #divide(next: Segment): Segment[] {
    const all = [...this.#held, next];
    let best = this.#held.length;
    for (let count = best - 1; count > 0; count -= 1) {
      if (length(all.slice(0, count)) < LEAST || length(all.slice(count)) > MOST) break;
      if (pauseAfter(all, count) > pauseAfter(all, best)) best = count;
    }
    return this.#held.splice(0, best);
  }
}

function length(segments: Cut[]): number {
  return segments.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The pause after the first `count` segments. */
function pauseAfter(segments: Cut[], count: number): number {
  return segments[count].start - segments[count - 1].end;
}

// Where segments end, as docs/segments.md describes it and hush/cutter.py does it.

import { FRAMES_PER_SECOND } from "./framing";
import { roundHalfToEven } from "./image";

/** A segment's place in the stream, in frames of 10 ms; `end` is the first not part of it. */
export interface Cut {
  readonly start: number;
  readonly end: number;
}

/** All in seconds. */
export interface CutterOptions {
  /** What speech lasts at least, 0.06 if not given: what is shorter is taken for a click. */
  speech: number;
  /**
   * Speech under which a segment goes on over a pause. 0, the default, gives every phrase its own
   * segment, as live speech wants; some 15 make segments long enough for Whisper to do its best.
   */
  shortest: number;
  /** Silence that ends a segment that is long enough; 0.4 if not given. */
  pause: number;
  /**
   * Silence beyond `pause` that a segment just begun is given: a phrase ends with a longer pause
   * than the ones within it. It becomes less while it goes on, and none at `PHRASE` seconds.
   */
  patience: number;
  /** Silence that ends any segment; 2 if not given. */
  silence: number;
  /**
   * Where a segment is cut in its longest pause or, if it has none, where it is quietest; 30 if not
   * given.
   */
  longest: number;
  /** What is kept before and after speech; 0.2 if not given. */
  margin: number;
}

const DEFAULTS: CutterOptions = {
  speech: 0.06,
  shortest: 0,
  pause: 0.4,
  patience: 0.4,
  silence: 2,
  longest: 30,
  margin: 0.2,
};
/** Frames of speech after which any pause is welcome: 8 s. */
const PHRASE = 8 * FRAMES_PER_SECOND;
/** 200 ms: no stop consonant is that long, but pauses are. */
const QUIET_FRAMES = 20;

/** Turns decisions into segments: cut in pauses, and never through a word where a pause exists. */
export class Cutter {
  /** Frames after which a segment is cut in any case. */
  readonly longest: number;
  readonly #shortest: number;
  readonly #pause: number;
  readonly #silence: number;
  readonly #margin: number;
  readonly #least: number;
  readonly #patience: number;
  /** Frames of speech up to now, without a break. */
  #run = 0;
  #now = 0;
  #start: number | undefined;
  #lastSpeech = 0;
  #previousEnd = 0;
  // Frames from `oldestNeeded` on, or a few frames before it.
  #firstHeld = 0;
  readonly #speech: boolean[] = [];
  readonly #loudness: number[] = [];

  /** @throws RangeError if a time is negative, or `longest` is under a second */
  constructor(options: Partial<CutterOptions> = {}) {
    const all = { ...DEFAULTS, ...options };
    const { speech, shortest, pause, patience, silence, longest, margin } = all;
    const least = Math.min(speech, shortest, pause, patience, silence, margin);
    if (!(least >= 0 && longest >= 1)) {
      throw new RangeError(
        "times of a cutter are not negative, and its longest is a second or more",
      );
    }
    const frames = (seconds: number) => roundHalfToEven(seconds * FRAMES_PER_SECOND);
    this.#shortest = frames(shortest);
    this.#pause = frames(pause);
    this.#silence = frames(Math.max(pause, silence));
    this.longest = frames(longest);
    this.#margin = Math.min(frames(margin), this.#pause);
    this.#least = Math.max(1, frames(speech));
    this.#patience = frames(patience);
  }

  /** First frame of the segment that goes on; undefined between segments. */
  get openedAt(): number | undefined {
    return this.#start;
  }

  /** First frame that a segment still to come may begin with. */
  get oldestNeeded(): number {
    return this.#start ?? Math.max(this.#now - this.#margin - this.#least, this.#previousEnd);
  }

  /**
   * Take the next decisions.
   *
   * @param loudness - the sum of each frame's `rounded` values; those of later frames may follow
   * @returns the segments that ended, in order
   */
  push(decisions: Uint8Array, loudness: readonly number[]): Cut[] {
    const cuts: Cut[] = [];
    for (let i = 0; i < decisions.length; i++) {
      const speech = decisions[i] === 1;
      this.#speech.push(speech);
      this.#loudness.push(loudness[i]);
      this.#now += 1;
      const cut = this.#advance(speech);
      if (cut) cuts.push(cut);
    }
    const surplus = this.oldestNeeded - this.#firstHeld;
    this.#speech.splice(0, surplus);
    this.#loudness.splice(0, surplus);
    this.#firstHeld += surplus;
    return cuts;
  }

  /** End the stream, and with it the segment that is open, if one is. */
  finish(): Cut[] {
    return this.#start === undefined ? [] : [this.#close(this.#start)];
  }

  #advance(speech: boolean): Cut | undefined {
    const frame = this.#now - 1;
    this.#run = speech ? this.#run + 1 : 0;
    if (this.#run >= this.#least) {
      this.#lastSpeech = frame;
      const begun = this.#now - this.#run;
      this.#start ??= Math.max(begun - this.#margin, this.#previousEnd);
    }
    if (this.#start === undefined) return undefined;
    const spoken = this.#lastSpeech + 1 - this.#start;
    const left = Math.max(0, PHRASE - spoken);
    const patient = this.#pause + Math.floor((this.#patience * left) / PHRASE);
    const wanted = spoken >= this.#shortest ? patient : this.#silence;
    if (frame - this.#lastSpeech >= wanted) return this.#close(this.#start);
    if (this.#now - this.#start >= this.longest) return this.#divide(this.#start);
    return undefined;
  }

  #close(start: number): Cut {
    this.#previousEnd = Math.min(this.#lastSpeech + 1 + this.#margin, this.#now);
    this.#start = undefined;
    return { start, end: this.#previousEnd };
  }

  /** End a segment that has become too long where it hurts least, preferably late. */
  #divide(start: number): Cut {
    const speech = this.#speech.slice(start - this.#firstHeld);
    const half = Math.floor(this.longest / 2);
    const inside = pauses(speech).filter(({ start: first }) => first > 0);
    const late = inside.filter(({ start: first }) => first >= half);
    const pause = longestOf(late.length > 0 ? late : inside);
    if (!pause) {
      const middle = quietest(this.#loudness.slice(start - this.#firstHeld), half);
      this.#previousEnd = start + middle;
      this.#start = this.#previousEnd;
      return { start, end: this.#previousEnd };
    }
    if (pause.end === speech.length) return this.#close(start);
    this.#previousEnd = start + Math.min(pause.start + this.#margin, pause.end);
    this.#start = Math.max(start + pause.end - this.#margin, this.#previousEnd);
    return { start, end: this.#previousEnd };
  }
}

/** The runs of frames without speech, in order. */
function pauses(speech: boolean[]): Cut[] {
  const runs: Cut[] = [];
  let start = 0;
  for (let frame = 0; frame <= speech.length; frame++) {
    if (frame < speech.length && !speech[frame]) continue;
    if (frame > start) runs.push({ start, end: frame });
    start = frame + 1;
  }
  return runs;
}

/** The later one of equals. */
function longestOf(runs: Cut[]): Cut | undefined {
  return runs.reduce<Cut | undefined>(
    (best, run) => (best && best.end - best.start > run.end - run.start ? best : run),
    undefined,
  );
}

/** The middle of the quietest frames from `earliest` on, the earlier ones of equals. */
function quietest(loudness: number[], earliest: number): number {
  let best = earliest;
  let smallest = Number.POSITIVE_INFINITY;
  for (let first = earliest; first + QUIET_FRAMES <= loudness.length; first++) {
    let total = 0;
    for (let i = first; i < first + QUIET_FRAMES; i++) total += loudness[i];
    if (total < smallest) {
      smallest = total;
      best = first;
    }
  }
  return best + QUIET_FRAMES / 2;
}

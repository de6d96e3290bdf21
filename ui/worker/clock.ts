/** The clock of a file: where silence belongs in its sound. As in hush/sound/clock.py. */

/** Seconds; shorter gaps come from rounded times. */
export const SHORTEST_SILENCE = 0.1;
/** Seconds; more between two pieces is a clock that was set anew, and no silence. */
export const LONGEST_SILENCE = 3_600;
/** Seconds of silence that one recording may have put in. */
export const MOST_SILENCE = 86_400;

/** Follows the times that a file gives its pieces of sound, which it never drops. */
export class Clock {
  /** Seconds of sound and silence so far. */
  heard = 0;
  #zero: number;
  #end: number;
  #silence = 0;

  /** @param origin - the file's time at which players begin, in seconds */
  constructor(origin: number) {
    this.#zero = origin;
    this.#end = origin;
  }

  /** Takes the next piece, and returns the seconds of silence that belong before it. */
  silenceBefore(time: number, seconds: number): number {
    const step = time - this.#end;
    if (step <= -SHORTEST_SILENCE || step >= LONGEST_SILENCE) this.#zero = time - this.heard;
    let silence = time - this.#zero - this.heard;
    if (silence < SHORTEST_SILENCE || this.#silence + silence > MOST_SILENCE) silence = 0;
    this.#silence += silence;
    this.#end = time + seconds;
    this.heard += silence + seconds;
    return silence;
  }
}

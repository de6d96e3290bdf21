// Where speech is, decided on the spectrogram alone, as docs/segments.md describes it and
// hush/detector.py does it. The page decides by voice-network.ts; `EdgeDetector` is the older way,
// on whole numbers.

import type { MelBins } from "./mel";

/** Whole-number steps in one unit of log10 mel power: 0.16 dB each. */
const STEPS = 64;

/**
 * Round log10 mel power to whole steps of 1/64, halves upwards.
 *
 * Values below -8, under what a 16-bit recording holds, count as -8.
 */
export function rounded(logMel: Float32Array): Int32Array {
  const steps = new Int32Array(logMel.length);
  for (let i = 0; i < logMel.length; i++) {
    steps[i] = Math.floor(Math.fround(Math.max(logMel[i], -8) * STEPS + 0.5));
  }
  return steps;
}

/** Decides for each frame of a stream whether it is speech. */
export interface Detector {
  /**
   * Take the next frames of log10 mel power, without a floor; return the decisions that are now
   * certain, 1 for speech, 0 for none.
   */
  push(logMel: Float32Array): Uint8Array;
  /** End the stream: return the decisions of the frames that are still without one. */
  finish(): Uint8Array;
}

/** A detector that hears no pause, for recordings that are to be sent whole. */
export class EverythingIsSpeech implements Detector {
  readonly #melBins: MelBins;

  constructor(melBins: MelBins) {
    this.#melBins = melBins;
  }

  push(logMel: Float32Array): Uint8Array {
    return new Uint8Array(logMel.length / this.#melBins).fill(1);
  }

  finish(): Uint8Array {
    return new Uint8Array(0);
  }
}

// Sums of the three smoothed frames weigh 1 + 2 + 1.
const SMOOTHED_STEPS = 4 * STEPS;
/** Difference between the mel bins above and below an edge: 3.75 dB. */
const EDGE = 0.375 * SMOOTHED_STEPS;
/** What the stronger side of an edge has above its bin's background: 17.5 dB. */
const PROMINENCE = 1.75 * SMOOTHED_STEPS;
/** Frames back from here in which a bin's minimum is its background. */
const BACKGROUND = 200;
/** Frames that an edge lasts at least. */
const LASTING = 4;
/** Frames that speech lasts at least. */
const SHORTEST = 4;
/** Frames to each side over which the number of edges is averaged. */
const AVERAGED = 3;
/** Frames before and after speech that count as speech too. */
const HANG_OVER = 10;

/** Steps by which each stage is behind the edges. */
const CANDIDATE_DELAY = LASTING - 1 + AVERAGED;
const DECISION_DELAY = CANDIDATE_DELAY + SHORTEST - 1 + HANG_OVER;

/** Finds speech by its edges in the spectrogram. Decisions come 20 frames late. */
export class EdgeDetector implements Detector {
  readonly #melBins: MelBins;
  readonly #lowestBin: number;
  readonly #enough: number;
  #before: Int32Array | undefined;
  #current: Int32Array | undefined;
  readonly #smoothed: Int32Array;
  readonly #background: SlidingMinimum;
  /** Of the current frame: rising edges of all bins, then falling ones. */
  readonly #edges: Uint8Array;
  readonly #lasting: Opening;
  readonly #counts = new Int32Array(2 * AVERAGED + 1);
  #total = 0;
  readonly #candidate = new Uint8Array(1);
  readonly #longEnough = new Opening(1, SHORTEST);
  #sinceSpeech = Number.POSITIVE_INFINITY;
  #step = 0;

  constructor(melBins: MelBins) {
    this.#melBins = melBins;
    this.#lowestBin = Math.floor(melBins / 20); // below it, at 150 Hz, live hum and rumble
    this.#enough = Math.round(0.075 * melBins) * (2 * AVERAGED + 1);
    this.#smoothed = new Int32Array(melBins);
    this.#background = new SlidingMinimum(melBins, BACKGROUND);
    this.#edges = new Uint8Array(2 * melBins);
    this.#lasting = new Opening(2 * melBins, LASTING);
  }

  push(logMel: Float32Array): Uint8Array {
    const steps = rounded(logMel);
    const decisions: number[] = [];
    for (let first = 0; first < steps.length; first += this.#melBins) {
      const next = steps.subarray(first, first + this.#melBins);
      if (this.#current) this.#findEdges(next, decisions);
      this.#before = this.#current ?? next;
      this.#current = next;
    }
    return Uint8Array.from(decisions);
  }

  finish(): Uint8Array {
    const decisions: number[] = [];
    if (this.#current) this.#findEdges(this.#current, decisions);
    const end = this.#step;
    this.#edges.fill(0);
    for (let i = 0; i < DECISION_DELAY; i++) this.#decide(decisions, end);
    return Uint8Array.from(decisions);
  }

  /** Mark the edges of the current frame, whose successor is known now. */
  #findEdges(next: Int32Array, decisions: number[]): void {
    const bins = this.#melBins;
    const before = this.#before as Int32Array;
    const current = this.#current as Int32Array;
    const smoothed = this.#smoothed;
    for (let bin = 0; bin < bins; bin++) {
      smoothed[bin] = before[bin] + 2 * current[bin] + next[bin];
    }
    const background = this.#background.next(smoothed);
    for (let bin = this.#lowestBin; bin < bins; bin++) {
      const below = smoothed[Math.max(bin - 1, 0)];
      const above = smoothed[Math.min(bin + 1, bins - 1)];
      const prominent = Math.max(below, above) - background[bin] > PROMINENCE;
      this.#edges[bin] = prominent && above - below > EDGE ? 1 : 0;
      this.#edges[bins + bin] = prominent && below - above > EDGE ? 1 : 0;
    }
    this.#decide(decisions);
  }

  /** Decide about the frame `DECISION_DELAY` steps ago, if the stream had begun by then. */
  #decide(decisions: number[], end = Number.POSITIVE_INFINITY): void {
    const slot = this.#step % this.#counts.length;
    this.#total -= this.#counts[slot];
    this.#counts[slot] = sum(this.#lasting.next(this.#edges));
    this.#total += this.#counts[slot];

    const frame = this.#step - CANDIDATE_DELAY;
    const inside = frame >= 0 && frame < end;
    this.#candidate[0] = inside && this.#total >= this.#enough ? 1 : 0;
    const speech = this.#longEnough.next(this.#candidate)[0] === 1;
    this.#sinceSpeech = speech ? 0 : this.#sinceSpeech + 1;

    if (this.#step >= DECISION_DELAY) decisions.push(this.#sinceSpeech <= 2 * HANG_OVER ? 1 : 0);
    this.#step += 1;
  }
}

/** The minimum of each value's last `length` columns, the newest included (van Herk's method). */
class SlidingMinimum {
  readonly #width: number;
  readonly #length: number;
  /** Before `#row`, columns of this block; from there on, minima up to the end of the last one. */
  readonly #rows: Int32Array;
  #row = 0;
  readonly #sinceBlock: Int32Array;
  readonly #minimum: Int32Array;

  constructor(width: number, length: number) {
    this.#width = width;
    this.#length = length;
    this.#rows = new Int32Array((length + 1) * width).fill(HIGHEST);
    this.#sinceBlock = new Int32Array(width).fill(HIGHEST);
    this.#minimum = new Int32Array(width);
  }

  next(column: Int32Array): Int32Array {
    const rows = this.#rows;
    const width = this.#width;
    const here = this.#row * width;
    for (let i = 0; i < width; i++) {
      rows[here + i] = column[i];
      this.#sinceBlock[i] = Math.min(this.#sinceBlock[i], column[i]);
      this.#minimum[i] = Math.min(this.#sinceBlock[i], rows[here + width + i]);
    }
    this.#row += 1;
    if (this.#row === this.#length) {
      for (let i = (this.#length - 1) * width - 1; i >= 0; i--) {
        rows[i] = Math.min(rows[i], rows[i + width]);
      }
      this.#sinceBlock.fill(HIGHEST);
      this.#row = 0;
    }
    return this.#minimum;
  }
}

const HIGHEST = 0x7fffffff;

/** Keeps of each value what is part of a run of at least `length` columns, `length` - 1 late. */
class Opening {
  readonly #length: number;
  readonly #runs: Int32Array;
  readonly #sinceLongRun: Int32Array;
  readonly #kept: Uint8Array;

  constructor(width: number, length: number) {
    this.#length = length;
    this.#runs = new Int32Array(width);
    this.#sinceLongRun = new Int32Array(width).fill(length);
    this.#kept = new Uint8Array(width);
  }

  next(column: Uint8Array): Uint8Array {
    for (let i = 0; i < column.length; i++) {
      this.#runs[i] = column[i] === 1 ? this.#runs[i] + 1 : 0;
      this.#sinceLongRun[i] = this.#runs[i] >= this.#length ? 0 : this.#sinceLongRun[i] + 1;
      this.#kept[i] = this.#sinceLongRun[i] < this.#length ? 1 : 0;
    }
    return this.#kept;
  }
}

function sum(values: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

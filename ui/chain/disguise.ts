// A disguise of the voice in the picture, as hush/disguise.py has it: stretched along frequency by
// an amount that is drawn for a session and may drift within a recording, and given the mean and
// the spread that everybody's bands have.

import type { MelBins } from "./mel";

/** How much of the voice is kept from whoever gets the pictures. */
export type Privacy = "off" | "light" | "strong";

/** How strong a disguise is; hush/disguise.py says what the numbers mean. */
export interface Strength {
  readonly stretch: number;
  readonly drift: number;
}

/** A step of the dial at which there is a disguise. */
type Step = Exclude<Privacy, "off">;

/** The steps of the dial. tests/ui/vectors holds them to the library's. */
export const STRENGTHS = {
  light: { stretch: 0.1, drift: 0 },
  strong: { stretch: 0.2, drift: 0.1 },
} as const satisfies Record<Step, Strength>;

/** Frames from one drawn drift to the next. */
const DRIFT_FRAMES = 50;
/** Hertz up to which frequencies are stretched evenly, and the highest, which stays in place. */
const KNEE = 6_500;
const HIGHEST = 8_000;
const LEAST_SPREAD = 0.2;
/** Standard deviations below a band's mean from which all is silence. */
const LOWEST = 2.5;
/** Mean and spread of everybody's bands at these hertz. */
const USUAL = {
  at: [0, 250, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 5_500, 8_000],
  mean: [-2.97, -1.48, -2.25, -3.72, -3.77, -3.99, -4.34, -4.69, -5.41, -6.33],
  spread: [0.69, 1.18, 1.2, 1.12, 1.09, 1.03, 0.96, 0.99, 1.11, 0.8],
};

/** What a session's disguises are made of: numbers that nobody can foresee, for each step. */
export type Draws = Readonly<Record<Step, Uint32Array>>;

/** How many there are: the drift of an hour, then it begins again. */
const DRAWN = 7_200;

/** Draws for a session, such as a page that was loaded. */
export function draw(): Draws {
  const numbers = () => crypto.getRandomValues(new Uint32Array(DRAWN));
  return { light: numbers(), strong: numbers() };
}

/** Frames of a recording that follow each other. */
export interface Frames {
  /** Place of the first in the recording. */
  readonly start: number;
  /** log10 mel power, frame after frame. */
  readonly logMel: Float32Array;
}

/** The disguise of whoever speaks in one session. */
export class Disguise {
  readonly #strength: Strength;
  readonly #draw: () => number;
  readonly #stretch: number;
  readonly #drifts: number[] = [];

  /** @param draw - returns numbers from 0 to 1 that nobody can foresee */
  constructor(strength: Strength, draw: () => number) {
    this.#strength = strength;
    this.#draw = draw;
    this.#stretch = strength.stretch * (2 * draw() - 1);
  }

  /** What a session wears at a step, the same whenever it is asked; undefined for "off". */
  static drawn(privacy: Privacy, draws: Draws): Disguise | undefined {
    if (privacy === "off") return undefined;
    const numbers = draws[privacy];
    let place = 0;
    return new Disguise(STRENGTHS[privacy], () => numbers[place++ % numbers.length] / 2 ** 32);
  }

  /**
   * Frames that are stretched along frequency.
   *
   * @param start - place of the first in the recording, so that what is sent twice is moved once
   */
  moved(logMel: Float32Array, start: number, melBins: MelBins): Float32Array {
    const out = new Float32Array(logMel.length);
    const centres = centresOf(melBins);
    for (let first = 0; first < logMel.length; first += melBins) {
      const factor = this.#factor(start + first / melBins);
      const knee = Math.min(KNEE, KNEE / factor);
      const above = (HIGHEST - factor * knee) / (HIGHEST - knee);
      let lower = 0;
      for (let bin = 0; bin < melBins; bin++) {
        const hertz = centres[bin];
        const source = hertz <= knee ? factor * hertz : factor * knee + above * (hertz - knee);
        while (lower < melBins - 2 && centres[lower + 1] <= source) lower++;
        const part = (source - centres[lower]) / (centres[lower + 1] - centres[lower]);
        const within = Math.min(1, Math.max(0, part));
        out[first + bin] =
          logMel[first + lower] * (1 - within) + logMel[first + lower + 1] * within;
      }
    }
    return out;
  }

  /** By what factor the frequencies of a frame are moved. */
  #factor(frame: number): number {
    const place = frame / DRIFT_FRAMES;
    const before = Math.floor(place);
    while (this.#drifts.length < before + 2) {
      this.#drifts.push(this.#strength.drift * (2 * this.#draw() - 1));
    }
    let part = place - before;
    part = part * part * (3 - 2 * part);
    return Math.exp(
      this.#stretch + this.#drifts[before] * (1 - part) + this.#drifts[before + 1] * part,
    );
  }
}

/** Frames of one picture, each band with the mean and the spread of everybody's. */
export function evened(logMel: Float32Array, melBins: MelBins): Float32Array {
  const out = new Float32Array(logMel.length);
  const frames = logMel.length / melBins;
  const loudness = new Float64Array(frames);
  for (let i = 0; i < logMel.length; i++) loudness[Math.floor(i / melBins)] += logMel[i];
  const average = loudness.reduce((sum, value) => sum + value, 0) / frames;
  // The mean of equal numbers may be rounded to one above them all.
  const usual = Math.min(
    average,
    loudness.reduce((most, value) => Math.max(most, value)),
  );
  const spoken = [...loudness.keys()].filter((frame) => loudness[frame] >= usual);
  const centres = centresOf(melBins);
  for (let bin = 0; bin < melBins; bin++) {
    let sum = 0;
    for (const frame of spoken) sum += logMel[frame * melBins + bin];
    const mean = sum / spoken.length;
    let squares = 0;
    for (const frame of spoken) squares += (logMel[frame * melBins + bin] - mean) ** 2;
    const spread = Math.max(Math.sqrt(squares / spoken.length), LEAST_SPREAD);
    const usualMean = interpolated(centres[bin], USUAL.mean);
    const usualSpread = interpolated(centres[bin], USUAL.spread);
    for (let i = bin; i < logMel.length; i += melBins) {
      const standard = Math.max((logMel[i] - mean) / spread, -LOWEST);
      out[i] = standard * usualSpread + usualMean;
    }
  }
  return out;
}

const centres = new Map<MelBins, Float64Array>();

/** Middle frequencies of Slaney's mel bands, in hertz. */
function centresOf(melBins: MelBins): Float64Array {
  let known = centres.get(melBins);
  if (!known) {
    const step = Math.log(6.4) / 27;
    const highest = 15 + Math.log(HIGHEST / 1000) / step;
    known = Float64Array.from({ length: melBins }, (_, bin) => {
      const mel = (highest * (bin + 1)) / (melBins + 1);
      return mel < 15 ? (mel * 200) / 3 : 1000 * Math.exp(step * (mel - 15));
    });
    centres.set(melBins, known);
  }
  return known;
}

/** The value at a frequency of a curve that is known at `USUAL.at`. */
function interpolated(hertz: number, curve: readonly number[]): number {
  const { at } = USUAL;
  let place = 0;
  while (place < at.length - 2 && at[place + 1] <= hertz) place++;
  const part = (hertz - at[place]) / (at[place + 1] - at[place]);
  return curve[place] * (1 - part) + curve[place + 1] * part;
}

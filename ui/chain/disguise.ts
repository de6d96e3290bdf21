// A disguise of the voice in the picture, as hush/disguise.py has it: stretched along frequency by
// an amount that is drawn for each recording and may drift within it, and given the mean and the
// spread that everybody's bands have; smoothed before, if that is wanted.

import type { MelBins } from "./mel";

/** How much of the voice is kept from whoever gets the pictures. */
export type Privacy = "off" | "light" | "strong";

/** How strong a disguise is; hush/disguise.py says what the numbers mean. */
export interface Strength {
  readonly detail: number | null;
  readonly stretch: number;
  readonly drift: number;
  readonly isEven: boolean;
}

/** The steps of the dial. tests/ui/vectors holds them to the library's. */
export const STRENGTHS = {
  light: { detail: null, stretch: 0.1, drift: 0, isEven: true },
  strong: { detail: null, stretch: 0.2, drift: 0.1, isEven: true },
} as const satisfies Record<Exclude<Privacy, "off">, Strength>;

/** Frames from one drawn drift to the next. */
const DRIFT_FRAMES = 50;
/** Cosines over which the smoothing sets in, to both sides. */
const SLOPE = 3;
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

/** Frames of a recording that follow each other. */
export interface Frames {
  /** Place of the first in the recording. */
  readonly start: number;
  /** log10 mel power, frame after frame. */
  readonly logMel: Float32Array;
}

/** The disguise of one recording. */
export class Disguise {
  readonly #strength: Strength;
  readonly #draw: () => number;
  readonly #stretch: number;
  readonly #drifts: number[] = [];

  /** @param draw - returns numbers from 0 to 1 that nobody can foresee */
  constructor(strength: Strength, draw: () => number = random) {
    this.#strength = strength;
    this.#draw = draw;
    this.#stretch = strength.stretch * (2 * draw() - 1);
  }

  /** A new disguise, for one recording; undefined for none. */
  static drawn(privacy: Privacy): Disguise | undefined {
    return privacy === "off" ? undefined : new Disguise(STRENGTHS[privacy]);
  }

  /**
   * Frames that are smoothed and stretched along frequency.
   *
   * @param start - place of the first in the recording, so that what is sent twice is moved once
   */
  moved(logMel: Float32Array, start: number, melBins: MelBins): Float32Array {
    const out = new Float32Array(logMel.length);
    const centres = centresOf(melBins);
    const { detail } = this.#strength;
    const smoothing = detail === null ? null : smoothingOf(melBins, detail);
    const smooth = new Float64Array(melBins);
    for (let first = 0; first < logMel.length; first += melBins) {
      for (let bin = 0, at = 0; bin < melBins; bin++) {
        smooth[bin] = smoothing ? 0 : logMel[first + bin];
        if (!smoothing) continue;
        for (let other = 0; other < melBins; other++) {
          smooth[bin] += smoothing[at++] * logMel[first + other];
        }
      }
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
        out[first + bin] = smooth[lower] * (1 - within) + smooth[lower + 1] * within;
      }
    }
    return out;
  }

  /** Moved frames of one picture, each band with the mean and the spread of everybody's. */
  evened(logMel: Float32Array, melBins: MelBins): Float32Array {
    return this.#strength.isEven ? evened(logMel, melBins) : logMel;
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

function evened(logMel: Float32Array, melBins: MelBins): Float32Array {
  const out = new Float32Array(logMel.length);
  const frames = logMel.length / melBins;
  const loudness = new Float64Array(frames);
  for (let i = 0; i < logMel.length; i++) loudness[Math.floor(i / melBins)] += logMel[i];
  const usual = loudness.reduce((sum, value) => sum + value, 0) / frames;
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

/** A number from 0 to 1 that nobody can foresee. */
function random(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32;
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

const smoothings = new Map<string, Float64Array>();

/** The matrix, row after row, that keeps of a column the first cosines of its transform. */
function smoothingOf(melBins: MelBins, detail: number): Float64Array {
  const key = `${melBins} ${detail}`;
  let known = smoothings.get(key);
  if (!known) {
    known = new Float64Array(melBins * melBins);
    for (let order = 0; order < melBins; order++) {
      const kept = Math.min(1, Math.max(0, (detail + SLOPE - order) / (2 * SLOPE)));
      const scale = (kept * (order ? 2 : 1)) / melBins;
      const cosine = (bin: number) => Math.cos((Math.PI * order * (bin + 0.5)) / melBins);
      for (let bin = 0, at = 0; scale && bin < melBins; bin++) {
        for (let other = 0; other < melBins; other++) {
          known[at++] += scale * cosine(bin) * cosine(other);
        }
      }
    }
    smoothings.set(key, known);
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

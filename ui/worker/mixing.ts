/** Several channels as one, so that nobody is lost. As in hush/sound/mixing.py. */

/** Where the mix has less of the loudest channel's energy, 9 dB, that channel is heard instead. */
const FAR_LESS = 1 / 8;
/** A channel that was heard is kept while it has so much of the loudest one's energy. */
const CLOSE = 1 / 2;
const BLOCKS_A_SECOND = 2;
const FADES_A_SECOND = 100;

/** Of surround sound in the order that decoders give it, as ITU-R BS.775 mixes it. */
const SURROUND: Record<number, number[]> = {
  6: [Math.SQRT1_2, Math.SQRT1_2, 1, 0, 0.5, 0.5],
  8: [Math.SQRT1_2, Math.SQRT1_2, 1, 0, 0.5, 0.5, 0.5, 0.5],
};

/**
 * Returns how much of each channel the mix has.
 *
 * @param surround - whether six or eight channels are those of a cinema, and not of as many people
 */
export function weightsOf(channels: number, surround: boolean): number[] {
  const weights = (surround && SURROUND[channels]) || new Array<number>(channels).fill(1);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Mixes channels, half a second at a time; where they cancel each other, the loudest is heard. */
export class Mixer {
  readonly #mix: number[];
  readonly #fade: number;
  readonly #waiting: Float32Array[];
  #filled = 0;
  #now: number[] | null = null;

  /** @param rate - samples a second */
  constructor(rate: number, weights: number[]) {
    this.#mix = weights;
    this.#fade = Math.max(1, Math.floor(rate / FADES_A_SECOND));
    const block = Math.max(1, Math.floor(rate / BLOCKS_A_SECOND));
    this.#waiting = weights.map(() => new Float32Array(block));
  }

  /** Takes the next samples of all channels; returns what is mixed. */
  push(planes: Float32Array[]): Float32Array[] {
    if (planes.length === 1) return planes;
    const [{ length: block }] = this.#waiting;
    const [{ length }] = planes;
    const mixed: Float32Array[] = [];
    for (let taken = 0; taken < length; ) {
      const room = Math.min(block - this.#filled, length - taken);
      for (const [index, plane] of planes.entries()) {
        this.#waiting[index].set(plane.subarray(taken, taken + room), this.#filled);
      }
      this.#filled += room;
      taken += room;
      if (this.#filled === block) mixed.push(...this.finish());
    }
    return mixed;
  }

  /** Returns the last samples. */
  finish(): Float32Array[] {
    if (!this.#filled) return [];
    const planes = this.#waiting.map((plane) => plane.subarray(0, this.#filled));
    this.#filled = 0;
    const wanted = this.#wanted(planes);
    const mono = weighted(planes, wanted);
    if (this.#now && this.#now !== wanted) {
      const fade = Math.min(this.#fade, mono.length);
      const before = weighted(
        planes.map((plane) => plane.subarray(0, fade)),
        this.#now,
      );
      for (let index = 0; index < fade; index += 1) {
        const share = fade > 1 ? index / (fade - 1) : 0;
        mono[index] = share * mono[index] + (1 - share) * before[index];
      }
    }
    this.#now = wanted;
    return [mono];
  }

  #wanted(planes: Float32Array[]): number[] {
    const energies = planes.map(energy);
    const loudest = energies.indexOf(Math.max(...energies));
    if (!energies[loudest]) return this.#now ?? this.#mix;
    if (energy(weighted(planes, this.#mix)) >= FAR_LESS * energies[loudest]) return this.#mix;
    const now = this.#now ?? this.#mix;
    if (now !== this.#mix && energies[now.indexOf(1)] >= CLOSE * energies[loudest]) return now;
    return planes.map((_, index) => Number(index === loudest));
  }
}

function weighted(planes: Float32Array[], weights: number[]): Float32Array {
  const sum = new Float32Array(planes[0].length);
  for (const [index, weight] of weights.entries()) {
    if (!weight) continue;
    const plane = planes[index];
    for (let frame = 0; frame < sum.length; frame += 1) sum[frame] += weight * plane[frame];
  }
  return sum;
}

/** Returns the energy of samples as speech counts: less of low tones. */
function energy(samples: Float32Array): number {
  let sum = 0;
  for (let frame = 1; frame < samples.length; frame += 1) {
    const step = samples[frame] - samples[frame - 1];
    sum += step * step;
  }
  return Number.isFinite(sum) ? sum : 0;
}

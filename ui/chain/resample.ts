import { SAMPLE_RATE } from "./framing";
import { instantiate } from "./kernels";

/** To each side, the samples of the lower rate that a sample is made of. */
const HALF_WIDTH = 48;
/** How far down the stop band is. */
const ATTENUATION = 75;
// J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974.
const BETA = 0.1102 * (ATTENUATION - 8.7);
/** From the pass band to the stop band, as a part of the lower rate. */
const TRANSITION = (ATTENUATION - 7.95) / (14.36 * 2 * HALF_WIDTH);
/** The kernel takes so many taps at a time. */
const TAPS_A_ROUND = 16;
/** Samples that the kernel makes at a time. */
const BLOCK = 4096;

/**
 * Turns samples of any rate into 16 kHz as they arrive, by a windowed sinc in phases.
 *
 * It passes what lies under 90 % of half the lower rate (7.2 kHz), and puts what lies over all of
 * that half (8 kHz) 75 dB down. However the samples are sliced, the result is the same to the last
 * bit. Samples of 16 kHz stay as they are. What is not finite becomes 0, and what is then beyond -1
 * to 1 is clipped, as hush/audio.py does.
 */
export class Resampler {
  /** For every `#step` samples that come, `#phases` are made. */
  readonly #phases: number;
  readonly #step: number;
  readonly #filter: PolyphaseFilter | undefined;
  #received = 0;
  #made = 0;
  #finished = false;

  /**
   * @param module - chain.simd.wasm where the browser has SIMD, else chain.wasm
   * @param fromRate - samples a second
   * @throws RangeError if the rate is not a whole number from 1000 to 768 000
   */
  constructor(module: WebAssembly.Module, fromRate: number) {
    if (!Number.isInteger(fromRate) || fromRate < 1000 || fromRate > 768_000) {
      throw new RangeError(`sound of ${fromRate} samples a second cannot be read`);
    }
    const divisor = greatestCommonDivisor(fromRate, SAMPLE_RATE);
    this.#phases = SAMPLE_RATE / divisor;
    this.#step = fromRate / divisor;
    if (fromRate !== SAMPLE_RATE) {
      this.#filter = new PolyphaseFilter(module, this.#phases, this.#step);
    }
  }

  /**
   * Take the next samples, and return those that can be made.
   *
   * @param samples - mono, of the rate that they come in
   * @throws Error if the stream is finished
   */
  push(samples: Float32Array): Float32Array {
    if (this.#finished) {
      throw new Error("this stream is finished; another recording wants another resampler");
    }
    this.#received += samples.length;
    const finite = onlyFinite(samples);
    const made = this.#filter ? this.#filter.push(finite) : finite;
    this.#made += made.length;
    clip(made);
    return made;
  }

  /** Return the last samples, so that there are 16 000 for each second, rounded up. */
  finish(): Float32Array {
    const missing = Math.ceil((this.#received * this.#phases) / this.#step) - this.#made;
    const rest = this.push(new Float32Array(this.#filter?.reach ?? 0));
    this.#finished = true;
    return rest.slice(0, missing);
  }
}

// Plain loops: a callback for each sample takes longer than the filter.

function onlyFinite(samples: Float32Array): Float32Array {
  const finite = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    if (Number.isFinite(samples[i])) finite[i] = samples[i];
  }
  return finite;
}

function clip(samples: Float32Array): void {
  for (let i = 0; i < samples.length; i++) samples[i] = Math.min(1, Math.max(-1, samples[i]));
}

class PolyphaseFilter {
  /** Samples to each side that one is made of. */
  readonly reach: number;
  readonly #phases: number;
  readonly #step: number;
  readonly #convolve: (phase: number, count: number) => void;
  readonly #input: Float32Array;
  readonly #output: Float32Array;
  /** Samples that are still needed, after zeros for those before the first. */
  #held: Float32Array;
  #phase = 0;

  constructor(module: WebAssembly.Module, phases: number, step: number) {
    this.#phases = phases;
    this.#step = step;
    const halfWidth = HALF_WIDTH * Math.max(1, step / phases);
    const taps = TAPS_A_ROUND * Math.ceil((2 * halfWidth) / TAPS_A_ROUND);
    this.reach = taps / 2;
    this.#held = new Float32Array(this.reach - 1);

    const kernels = instantiate(module);
    const inputLength = Math.ceil((BLOCK * step) / phases) + taps;
    const rows = kernels.allocate(4 * phases * taps);
    const input = kernels.allocate(4 * inputLength);
    const output = kernels.allocate(4 * BLOCK);
    const memory = kernels.memory.buffer;
    fillRows(new Float32Array(memory, rows, phases * taps), taps, phases, step);
    this.#input = new Float32Array(memory, input, inputLength);
    this.#output = new Float32Array(memory, output, BLOCK);
    this.#convolve = (phase, count) =>
      kernels.convolve(input, rows, taps, phases, step, phase, output, count);
  }

  push(samples: Float32Array): Float32Array {
    const held = new Float32Array(this.#held.length + samples.length);
    held.set(this.#held);
    held.set(samples, this.#held.length);

    const starts = held.length - 2 * this.reach + 1;
    const count = Math.max(0, Math.ceil((starts * this.#phases - this.#phase) / this.#step));
    const made = new Float32Array(count);
    let first = 0;
    for (let done = 0; done < count; done += BLOCK) {
      const block = Math.min(BLOCK, count - done);
      this.#input.set(held.subarray(first, first + this.#input.length));
      this.#convolve(this.#phase, block);
      made.set(this.#output.subarray(0, block), done);
      const position = this.#phase + block * this.#step;
      first += Math.floor(position / this.#phases);
      this.#phase = position % this.#phases;
    }
    this.#held = held.slice(first);
    return made;
  }
}

/** Fill in the taps of each phase, which add up to 1: a sinc in a Kaiser window. */
function fillRows(rows: Float32Array, taps: number, phases: number, step: number): void {
  const lowerRate = Math.min(1, phases / step); // as a part of the rate that comes in
  const bandwidth = lowerRate * (1 - TRANSITION);
  const row = new Float64Array(taps);
  for (let phase = 0; phase < phases; phase++) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const distance = phase / phases + taps / 2 - 1 - tap;
      row[tap] = sinc(bandwidth * distance) * kaiser(distance / (taps / 2));
      sum += row[tap];
    }
    rows.set(
      row.map((value) => value / sum),
      phase * taps,
    );
  }
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** The Kaiser window, up to its scale; x from -1 to 1. */
function kaiser(x: number): number {
  const quarter = (BETA * BETA * (1 - x * x)) / 4;
  let sum = 0;
  for (let term = 1, k = 1; term > 1e-12 * sum; k++) {
    sum += term;
    term *= quarter / (k * k);
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

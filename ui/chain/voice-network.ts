// Where speech is, decided by a small network, as hush/voice_network.py does it; the arithmetic is
// in wasm/voice.ts, and what the network has learnt in hush/voice_network.json.

import learnt from "../../hush/voice_network.json";
import type { Detector } from "./detector";
import { instantiate } from "./kernels";
import type { MelBins } from "./mel";

/** Frames of 10 ms in a step of the network. */
const FRAMES_PER_STEP = 2;
/** Steps that the network hears before it decides about one. */
const LOOK_AHEAD = 4;
/** Probability from which a step is speech. */
const THRESHOLD = learnt.threshold;

const BINS = 80;
const LOWEST = -10;
const BLOCK_STEPS = 64;
const NEIGHBOURS = 4;

/** Says for each step of 20 ms of a stream how probable speech is. */
export class VoiceNetwork {
  readonly #melBins: MelBins;
  readonly #hear: (count: number) => void;
  /** A block of steps for the kernel, and the logits that it makes of them. */
  readonly #steps: Float32Array;
  readonly #logits: Float32Array;
  readonly #resampling: Resampling;
  /** The newest frame, which waits for its step's other half where `#odd` says so. */
  readonly #newest: Float32Array;
  #finished = false;
  #odd = false;
  #early = LOOK_AHEAD;

  /** @param module - chain.simd.wasm where the browser has SIMD, else chain.wasm */
  constructor(module: WebAssembly.Module, melBins: MelBins) {
    this.#melBins = melBins;
    this.#resampling = new Resampling(melBins);
    this.#newest = new Float32Array(melBins);
    const kernels = instantiate(module);
    const weights = kernels.prepareVoice();
    const steps = kernels.allocate(4 * BLOCK_STEPS * BINS);
    const logits = kernels.allocate(4 * BLOCK_STEPS);
    const values = Object.values<Layer>(learnt.layers).map(dequantized);
    let place = weights;
    for (const layer of values) {
      new Float32Array(kernels.memory.buffer, place, layer.length).set(layer);
      place += 4 * layer.length;
    }
    this.#hear = (count) => kernels.hearVoice(steps, count, logits);
    this.#steps = new Float32Array(kernels.memory.buffer, steps, BLOCK_STEPS * BINS);
    this.#logits = new Float32Array(kernels.memory.buffer, logits, BLOCK_STEPS);
  }

  /**
   * Take the next frames.
   *
   * @param logMel - frame after frame, log10 mel power without a floor
   * @returns probabilities, 0 to 1, of the steps that are now certain: 5 steps late at most
   * @throws Error if the stream is finished
   */
  push(logMel: Float32Array): Float32Array {
    if (this.#finished) {
      throw new Error("this stream is finished; another recording wants another network");
    }
    const bins = this.#melBins;
    const frames = logMel.length / bins;
    const probabilities = new Float32Array(Math.floor((frames + (this.#odd ? 1 : 0)) / 2));
    let made = 0;
    let held = 0;
    for (let frame = 0; frame < frames; frame++) {
      const next = logMel.subarray(frame * bins, (frame + 1) * bins);
      if (this.#odd) {
        this.#resampling.step(this.#newest, next, this.#steps, held * BINS);
        held += 1;
        if (held === BLOCK_STEPS) {
          made = this.#decide(held, probabilities, made);
          held = 0;
        }
      }
      this.#odd = !this.#odd;
      this.#newest.set(next);
    }
    return probabilities.subarray(0, this.#decide(held, probabilities, made));
  }

  /**
   * Return the probabilities of the last steps, as if the last frame went on. An odd frame at the
   * end counts as a step.
   *
   * @throws Error if the stream is finished already
   */
  finish(): Float32Array {
    const missing = FRAMES_PER_STEP * LOOK_AHEAD + (this.#odd ? 1 : 0);
    const frames = new Float32Array(missing * this.#melBins);
    for (let i = 0; i < missing; i++) frames.set(this.#newest, i * this.#melBins);
    const probabilities = this.push(frames);
    this.#finished = true;
    return probabilities;
  }

  #decide(count: number, probabilities: Float32Array, made: number): number {
    this.#hear(count);
    const early = Math.min(this.#early, count);
    this.#early -= early;
    for (let i = early; i < count; i++) {
      probabilities[made + i - early] = 1 / (1 + Math.exp(-this.#logits[i]));
    }
    return made + count - early;
  }
}

/** Decides by a `VoiceNetwork`. Decisions come 11 frames late. */
export class NetworkDetector implements Detector {
  readonly #melBins: MelBins;
  readonly #network: VoiceNetwork;
  #undecided = 0;

  constructor(module: WebAssembly.Module, melBins: MelBins) {
    this.#melBins = melBins;
    this.#network = new VoiceNetwork(module, melBins);
  }

  push(logMel: Float32Array): Uint8Array {
    const decisions = decided(this.#network.push(logMel));
    this.#undecided += logMel.length / this.#melBins - decisions.length;
    return decisions;
  }

  finish(): Uint8Array {
    return decided(this.#network.finish()).subarray(0, this.#undecided);
  }
}

function decided(probabilities: Float32Array): Uint8Array {
  const decisions = new Uint8Array(FRAMES_PER_STEP * probabilities.length);
  for (let i = 0; i < decisions.length; i++) {
    decisions[i] = probabilities[i >> 1] >= THRESHOLD ? 1 : 0;
  }
  return decisions;
}

/** Makes 80 bins of 128, by triangles around centres that are evenly spaced in mel. */
class Resampling {
  readonly #first = new Int32Array(BINS);
  readonly #weights = new Float32Array(BINS * NEIGHBOURS);

  constructor(melBins: MelBins) {
    const ratio = (melBins + 1) / (BINS + 1);
    for (let bin = 0; bin < BINS; bin++) {
      const centre = (bin + 1) * ratio - 1;
      const first = Math.max(0, Math.min(Math.floor(centre - ratio) + 1, melBins - NEIGHBOURS));
      const weights = Array.from({ length: NEIGHBOURS }, (_, i) =>
        Math.max(0, 1 - Math.abs(first + i - centre) / ratio),
      );
      const total = weights.reduce((sum, weight) => sum + weight);
      this.#first[bin] = first;
      this.#weights.set(
        weights.map((weight) => weight / total),
        bin * NEIGHBOURS,
      );
    }
  }

  /** Put the mean of two frames, not under the lowest value, at `place` of `out`. */
  step(one: Float32Array, other: Float32Array, out: Float32Array, place: number): void {
    for (let bin = 0; bin < BINS; bin++) {
      let value = 0;
      for (let i = 0; i < NEIGHBOURS; i++) {
        const from = this.#first[bin] + i;
        const mean = (Math.max(one[from], LOWEST) + Math.max(other[from], LOWEST)) / 2;
        value += mean * this.#weights[bin * NEIGHBOURS + i];
      }
      out[place + bin] = value;
    }
  }
}

/** A layer's 8-bit weights with the scales of its last axis, or its biases as they are. */
type Layer = { scale: number[]; values: string } | { values: number[] };

function dequantized(layer: Layer): Float32Array {
  if (!("scale" in layer)) return Float32Array.from(layer.values);
  const { scale } = layer;
  const whole = Int8Array.from(atob(layer.values), (one) => one.charCodeAt(0));
  return Float32Array.from(whole, (value, i) => value * scale[i % scale.length]);
}

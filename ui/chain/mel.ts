// The log-mel spectrogram of a stream, as hush/mel.py makes it; the arithmetic is in wasm/mel.ts.

import { HOP_LENGTH, N_FFT } from "./framing";
import { instantiate } from "./kernels";

/** Heights of Whisper's spectrograms: 128 for large-v3 and turbo, 80 for every other model. */
export type MelBins = 80 | 128;

const HALF_WINDOW = N_FFT / 2;
const BLOCK_FRAMES = 256;
const BLOCK_SAMPLES = (BLOCK_FRAMES - 1) * HOP_LENGTH + N_FFT;
/** The kernel reads four frames at a time, and so up to three that are not asked for. */
const READ_BEYOND = 3 * HOP_LENGTH;

/**
 * Turns samples into log10 mel power as they arrive, as `LogMelStream` of hush/mel.py does.
 *
 * However the samples are sliced, the frames are the same to the last bit. Neither floor nor scale
 * is applied.
 */
export class LogMelStream {
  readonly melBins: MelBins;
  readonly #transform: (frames: number) => void;
  /** Samples that are in no frame yet, or still in the next; in the kernel's memory. */
  readonly #samples: Float32Array;
  /** What the kernel makes of them. */
  readonly #frames: Float32Array;
  /** How many `#samples` there are; room for the reflected beginning counts from the start. */
  #held = HALF_WINDOW;
  #reflected = false;
  #received = 0;
  #finished = false;

  /** @param module - chain.simd.wasm where the browser has SIMD, else chain.wasm */
  constructor(module: WebAssembly.Module, melBins: MelBins) {
    this.melBins = melBins;
    const kernels = instantiate(module);
    kernels.prepare(melBins);
    const samples = kernels.allocate(4 * (BLOCK_SAMPLES + READ_BEYOND));
    const frames = kernels.allocate(4 * BLOCK_FRAMES * melBins);
    this.#transform = (count) => kernels.transform(samples, count, frames);
    this.#samples = new Float32Array(kernels.memory.buffer, samples, BLOCK_SAMPLES);
    this.#frames = new Float32Array(kernels.memory.buffer, frames, BLOCK_FRAMES * melBins);
  }

  /**
   * Take the next samples and return the frames that they complete, 200 samples late at most.
   *
   * @param samples - mono, 16 kHz, -1 to 1, finite, any number of them
   * @returns frame after frame, `melBins` logarithms to base 10 of mel power each, at least -10
   * @throws Error if the stream is finished
   */
  push(samples: Float32Array): Float32Array {
    this.#checkOpen();
    this.#received += samples.length;
    return this.#take(samples);
  }

  /**
   * Return the last frames, whose windows reach over the end, so that the whole recording has one
   * for each 160 samples, rounded down. Under 201 samples in all are padded with zeros to 201.
   *
   * @throws Error if no samples came at all, or the stream is finished already
   */
  finish(): Float32Array {
    this.#checkOpen();
    if (this.#received === 0) {
      throw new Error("there are no samples, so there is no spectrogram");
    }
    this.#finished = true;
    const padded = this.#take(new Float32Array(Math.max(0, HALF_WINDOW + 1 - this.#received)));
    const end = this.#samples.slice(this.#held - HALF_WINDOW - 1, this.#held - 1);
    // torch.stft makes one frame more, and Whisper drops it.
    const last = this.#take(end.reverse()).subarray(0, -this.melBins);
    const frames = new Float32Array(padded.length + last.length);
    frames.set(padded);
    frames.set(last, padded.length);
    return frames;
  }

  #checkOpen(): void {
    if (this.#finished) {
      throw new Error("this stream is finished; another recording wants another stream");
    }
  }

  #take(samples: Float32Array): Float32Array {
    const made = new Float32Array(this.#windows(this.#held + samples.length) * this.melBins);
    let filled = 0;
    for (let taken = 0; taken < samples.length; ) {
      const part = samples.subarray(taken, taken + BLOCK_SAMPLES - this.#held);
      this.#samples.set(part, this.#held);
      this.#held += part.length;
      taken += part.length;

      const count = this.#windows(this.#held);
      if (count === 0) continue;
      if (!this.#reflected) this.#reflectBeginning();
      this.#transform(count);
      made.set(this.#frames.subarray(0, count * this.melBins), filled);
      filled += count * this.melBins;
      this.#samples.copyWithin(0, count * HOP_LENGTH, this.#held);
      this.#held -= count * HOP_LENGTH;
    }
    return made;
  }

  /** Whole windows of so many samples; to reflect the beginning takes one sample more. */
  #windows(held: number): number {
    if (held < N_FFT + (this.#reflected ? 0 : 1)) return 0;
    return Math.floor((held - N_FFT) / HOP_LENGTH) + 1;
  }

  #reflectBeginning(): void {
    this.#samples.set(this.#samples.slice(HALF_WINDOW + 1, N_FFT + 1).reverse());
    this.#reflected = true;
  }
}

import { instantiate } from "./kernels";

/** Samples a second. */
export const SAMPLE_RATE = 16_000;
/** Samples in a window: 25 ms. */
const N_FFT = 400;
/** Samples between windows: 10 ms. */
const HOP_LENGTH = 160;
/** Spectrogram columns a second. */
export const FRAMES_PER_SECOND = SAMPLE_RATE / HOP_LENGTH;

/** Heights of Whisper's spectrograms: 128 for large-v3 and turbo, 80 for every other model. */
export type MelBins = 80 | 128;

const HALF_WINDOW = N_FFT / 2;
const BLOCK_FRAMES = 256;
/** The kernel reads four frames at a time, and may so read three that are not asked for. */
const BLOCK_SAMPLES = (BLOCK_FRAMES - 1 + 3) * HOP_LENGTH + N_FFT;

/**
 * Turns samples into log10 mel power as they arrive, as `LogMelStream` of hush/mel.py does.
 *
 * However the samples are sliced, the frames are the same to the last bit. Neither floor nor scale
 * is applied.
 */
export class LogMelStream {
  readonly melBins: MelBins;
  readonly #transform: (frames: number) => void;
  readonly #block: Float32Array;
  readonly #out: Float32Array;
  /** Samples that are in no frame yet, or still in the next. */
  #held = new Float32Array(0);
  #received = 0;
  #reflected = false;
  #finished = false;

  constructor(module: WebAssembly.Module, melBins: MelBins) {
    this.melBins = melBins;
    const kernels = instantiate(module);
    kernels.prepare(melBins);
    const block = kernels.allocate(BLOCK_SAMPLES * 4);
    const out = kernels.allocate(BLOCK_FRAMES * melBins * 4);
    this.#transform = (frames) => kernels.transform(block, frames, out);
    this.#block = new Float32Array(kernels.memory.buffer, block, BLOCK_SAMPLES);
    this.#out = new Float32Array(kernels.memory.buffer, out, BLOCK_FRAMES * melBins);
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
    this.#take(samples);
    return this.#frames();
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
    if (!this.#reflected) this.#take(new Float32Array(HALF_WINDOW + 1 - this.#received));
    const end = this.#held.slice(-HALF_WINDOW - 1, -1).reverse();
    this.#held = joined(this.#held, end);
    this.#finished = true;
    // torch.stft makes one frame more, and Whisper drops it.
    return this.#frames(1);
  }

  #checkOpen(): void {
    if (this.#finished) {
      throw new Error("this stream is finished; another recording wants another stream");
    }
  }

  #take(samples: Float32Array): void {
    this.#received += samples.length;
    this.#held = joined(this.#held, samples);
    if (!this.#reflected && this.#received > HALF_WINDOW) {
      const beginning = this.#held.slice(1, HALF_WINDOW + 1).reverse();
      this.#held = joined(beginning, this.#held);
      this.#reflected = true;
    }
  }

  #frames(surplus = 0): Float32Array {
    const windows = Math.floor((this.#held.length - N_FFT) / HOP_LENGTH) + 1 - surplus;
    if (!this.#reflected || windows <= 0) return new Float32Array(0);
    const frames = new Float32Array(windows * this.melBins);
    for (let first = 0; first < windows; first += BLOCK_FRAMES) {
      const count = Math.min(BLOCK_FRAMES, windows - first);
      const start = first * HOP_LENGTH;
      this.#block.set(this.#held.subarray(start, start + (count - 1) * HOP_LENGTH + N_FFT));
      this.#transform(count);
      frames.set(this.#out.subarray(0, count * this.melBins), first * this.melBins);
    }
    this.#held = this.#held.slice(windows * HOP_LENGTH);
    return frames;
  }
}

function joined(first: Float32Array, second: Float32Array): Float32Array<ArrayBuffer> {
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** What sound looks like: the lowest and highest sample of every 10 ms, for waveforms. */

import { HOP_LENGTH } from "../chain/framing";

/** Frames kept: a little more than the longest segment and what the detector lags behind. */
const KEPT = 4096;

/** The envelope of the last 40 s of a stream at 16 kHz. */
export class Envelope {
  readonly #extremes = new Int8Array(KEPT * 2);
  #low = 0;
  #high = 0;
  #samples = 0;

  /** Takes the next samples. */
  push(samples: Float32Array): void {
    for (const sample of samples) {
      if (sample < this.#low) this.#low = sample;
      if (sample > this.#high) this.#high = sample;
      this.#samples += 1;
      if (this.#samples % HOP_LENGTH === 0) {
        const place = ((this.#samples / HOP_LENGTH - 1) % KEPT) * 2;
        this.#extremes[place] = Math.max(-127, Math.round(this.#low * 127));
        this.#extremes[place + 1] = Math.min(127, Math.round(this.#high * 127));
        this.#low = 0;
        this.#high = 0;
      }
    }
  }

  /** Returns lowest and highest values, -127 to 127, of frames `start` to `end` of the stream. */
  slice(start: number, end: number): Int8Array {
    const extremes = new Int8Array((end - start) * 2);
    for (let frame = start; frame < end; frame += 1) {
      const place = (frame % KEPT) * 2;
      extremes[(frame - start) * 2] = this.#extremes[place];
      extremes[(frame - start) * 2 + 1] = this.#extremes[place + 1];
    }
    return extremes;
  }
}

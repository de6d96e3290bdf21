/** On the audio thread: hands the microphone's samples to the listener, and does nothing else. */

import { RingBuffer } from "ringbuf.js";

/** Where samples go: a lock-free ring where memory can be shared, else a message port. */
export type CaptureTarget = SharedArrayBuffer | MessagePort;

/** Samples in one message where a port is used: 21 ms at 48 kHz. */
const BATCH = 1024;

class Capture extends AudioWorkletProcessor {
  #write: ((samples: Float32Array) => void) | null = null;

  constructor() {
    super();
    this.port.onmessage = ({ data: target }: MessageEvent<CaptureTarget>) => {
      this.#write = target instanceof MessagePort ? toPort(target) : this.#toRing(target);
    };
  }

  /** Pushing is wait-free and allocates nothing. What does not fit is lost; its length is told. */
  #toRing(memory: SharedArrayBuffer): (samples: Float32Array) => void {
    const ring = new RingBuffer(memory, Float32Array);
    return (samples) => {
      const lost = samples.length - ring.push(samples, samples.length);
      if (lost) this.port.postMessage(lost);
    };
  }

  process(inputs: Float32Array[][]): boolean {
    const samples = inputs[0]?.[0];
    if (samples) this.#write?.(samples);
    return true;
  }
}

function toPort(port: MessagePort): (samples: Float32Array) => void {
  let batch = new Float32Array(BATCH);
  let filled = 0;
  return (samples) => {
    batch.set(samples, filled);
    filled += samples.length;
    if (filled < BATCH) return;
    port.postMessage(batch, [batch.buffer]);
    batch = new Float32Array(BATCH);
    filled = 0;
  };
}

registerProcessor("capture", Capture);

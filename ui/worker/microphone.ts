/** Samples of the microphone, as they arrive from the audio thread. */

import { RingBuffer } from "ringbuf.js";
import { concatenated } from "../chain/concatenated";

/** What arrived from the audio thread, which wakes nobody. */
export interface Arrivals {
  /** Returns the mono samples, at the device's rate, that came since it was asked last. */
  take(): Float32Array;
  close(): void;
}

/** Begins to look at a ring or a port. */
export function arrivalsFrom(source: SharedArrayBuffer | MessagePort): Arrivals {
  return source instanceof MessagePort ? fromPort(source) : fromRing(source);
}

function fromRing(memory: SharedArrayBuffer): Arrivals {
  const ring = new RingBuffer(memory, Float32Array);
  const take = () => {
    const samples = new Float32Array(ring.available_read());
    if (samples.length) ring.pop(samples, samples.length);
    return samples;
  };
  return { take, close: () => {} };
}

function fromPort(port: MessagePort): Arrivals {
  const arrived: Float32Array[] = [];
  port.onmessage = (event: MessageEvent<Float32Array>) => arrived.push(event.data);
  return { take: () => concatenated(arrived.splice(0), Float32Array), close: () => port.close() };
}

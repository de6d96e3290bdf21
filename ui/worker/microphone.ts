/** Samples of the microphone, as they arrive from the audio thread. */

import { RingBuffer } from "ringbuf.js";

/** How often the ring is emptied, in milliseconds: the audio thread may wake nobody. */
const POLL = 10;

/** Yields mono samples at the device's rate until `stopped`, then what is left. */
export function microphoneSamples(
  source: SharedArrayBuffer | MessagePort,
  stopped: AbortSignal,
): AsyncGenerator<Float32Array> {
  return source instanceof MessagePort ? fromPort(source, stopped) : fromRing(source, stopped);
}

async function* fromRing(memory: SharedArrayBuffer, stopped: AbortSignal) {
  const ring = new RingBuffer(memory, Float32Array);
  while (true) {
    const last = stopped.aborted;
    const samples = new Float32Array(ring.available_read());
    if (samples.length) {
      ring.pop(samples, samples.length);
      yield samples;
    }
    if (last) return;
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

async function* fromPort(port: MessagePort, stopped: AbortSignal) {
  const arrived: Float32Array[] = [];
  let wake = () => {};
  port.onmessage = (event: MessageEvent<Float32Array>) => {
    arrived.push(event.data);
    wake();
  };
  stopped.addEventListener("abort", () => wake());
  while (arrived.length || !stopped.aborted) {
    const samples = arrived.shift();
    if (samples) yield samples;
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
  port.close();
}

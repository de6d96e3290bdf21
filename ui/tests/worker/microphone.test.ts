import { RingBuffer } from "ringbuf.js";
import { expect, test } from "vitest";
import { arrivalsFrom } from "../../worker/microphone";

/** Gives samples to one end of a ring or a port, and returns the other end. */
const WAYS = {
  ring: () => {
    const memory = RingBuffer.getStorageForCapacity(1_000, Float32Array);
    const ring = new RingBuffer(memory, Float32Array);
    return { source: memory, give: (samples: Float32Array) => void ring.push(samples) };
  },
  port: () => {
    const { port1, port2 } = new MessageChannel();
    return { source: port2, give: (samples: Float32Array) => port1.postMessage(samples) };
  },
};

test.each(["ring", "port"] as const)("all that arrived is taken once, from a %s", async (way) => {
  const { source, give } = WAYS[way]();
  const arrivals = arrivalsFrom(source);
  expect(arrivals.take()).toEqual(new Float32Array());
  give(Float32Array.of(1, 2));
  give(Float32Array.of(3));
  const taken: number[] = [];
  await expect.poll(() => taken.push(...arrivals.take())).toBe(3);
  expect(taken).toEqual([1, 2, 3]);
  give(Float32Array.of(4));
  await expect.poll(() => taken.push(...arrivals.take())).toBe(4);
  expect(taken).toEqual([1, 2, 3, 4]);
  arrivals.close();
});

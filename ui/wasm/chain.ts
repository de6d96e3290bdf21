// What the page calls: everything numeric that is done for each sample.
//
// Numbers pass through the module's memory, at places that `allocate` gives out.

export { prepare, transform } from "./mel";
export { convolve } from "./resample";
export { hearVoice, prepareVoice } from "./voice";

/** Set aside zeroed memory, for as long as the module lives. The memory may grow, and so move. */
export function allocate(bytes: usize): usize {
  const place = heap.alloc(bytes);
  memory.fill(place, 0, bytes);
  return place;
}

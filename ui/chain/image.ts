// Mel images, version 1: docs/format.md. hush/image.py is the reference.

import type { MelBins } from "./mel";

/** A quantised spectrogram. */
export interface MelImage {
  /** Height. */
  readonly melBins: MelBins;
  /** Width, of 10 ms each. */
  readonly frames: number;
  /** Row after row, `melBins` rows of `frames`; the first row is the lowest frequency. */
  readonly pixels: Uint8Array;
  /** Value of pixel 0, in units of what Whisper takes. */
  readonly minimum: number;
  /** Value of pixel 255. */
  readonly maximum: number;
}

/** Widest mel image, in frames: a little under 11 minutes. TGA's header has no room for more. */
export const MAX_FRAMES = 65_535;
/** Whisper's floor lies this far below the maximum, in units of log10 power. */
const DYNAMIC_RANGE = 8;

/** Where a quiet recording's maximum lies, in log10 mel power; hush/mel.py says why. */
const QUIET = { least: -7, most: -2 };

/** Raise what is so quiet that Whisper would hear nothing of it, so that its maximum is 0. */
export function raised(logMel: Float32Array): Float32Array {
  let loudest = Number.NEGATIVE_INFINITY;
  for (const value of logMel) loudest = Math.max(loudest, value);
  if (!(QUIET.least < loudest && loudest < QUIET.most)) return logMel;
  return logMel.map((value) => value - loudest);
}

/**
 * Floor a segment's log10 mel power at 8 below its maximum, scale it as Whisper does, (x + 4) / 4,
 * and quantise it linearly over its own range.
 *
 * @param logMel - finite, frame after frame of `melBins` values each
 * @throws RangeError if there is no frame, there are more than 65 535, or a value is not finite
 */
export function quantize(logMel: Float32Array, melBins: MelBins): MelImage {
  const frames = logMel.length / melBins;
  if (frames < 1 || frames > MAX_FRAMES) {
    throw new RangeError(`a mel image has 1 to ${MAX_FRAMES} columns, not ${frames}`);
  }
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (const value of logMel) {
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
  }
  if (!Number.isFinite(lowest) || !Number.isFinite(highest)) {
    throw new RangeError("the spectrogram holds values that are not finite");
  }
  const floor = Math.fround(highest - DYNAMIC_RANGE);
  const scaled = (value: number) => Math.fround(Math.max(value, floor) + 4) / 4;
  const minimum = scaled(lowest);
  const maximum = scaled(highest);
  const pixels = new Uint8Array(logMel.length);
  if (minimum < maximum) {
    for (let frame = 0, from = 0; frame < frames; frame++) {
      for (let to = frame; to < pixels.length; to += frames, from++) {
        const level = ((scaled(logMel[from]) - minimum) / (maximum - minimum)) * 255;
        pixels[to] = roundHalfToEven(level);
      }
    }
  }
  return { melBins, frames, pixels, minimum, maximum };
}

/** Round as NumPy and Python do; for numbers up to 2^51. */
export function roundHalfToEven(value: number): number {
  // Numbers from 2^52 to 2^53 have no digits behind the point, and additions round half to even.
  return value + 2 ** 52 - 2 ** 52;
}

/** Minimum and maximum with as many digits as they need to be read back exactly as float32. */
export function rangeText(image: MelImage): string {
  return `${shortest(image.minimum)} ${shortest(image.maximum)}`;
}

function shortest(value: number): string {
  const single = Math.fround(value);
  let digits = 1;
  while (Math.fround(Number(single.toPrecision(digits))) !== single) digits++;
  return String(Number(single.toPrecision(digits)));
}

/** The pixels as they are displayed: the highest frequency first. */
export function topDown({ pixels, melBins, frames }: MelImage): Uint8Array {
  const rows = new Uint8Array(pixels.length);
  for (let bin = 0; bin < melBins; bin++) {
    const row = pixels.subarray(bin * frames, (bin + 1) * frames);
    rows.set(row, (melBins - 1 - bin) * frames);
  }
  return rows;
}

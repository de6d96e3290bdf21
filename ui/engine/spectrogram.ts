// From a picture's bytes to what a model hears: docs/format.md read the other way.

import { decode } from "fast-png";
import type { Spectrogram } from "./windows";

/** Values lie at most so far below the highest one; lossy pictures and others may be below it. */
const BELOW_MAXIMUM = 2;
/** What a picture without a range is read with. */
const USUAL_RANGE: Range = [-0.5, 1.5];
const ATTRIBUTE = /mel:range="([^"]+)"/;

type Range = [minimum: number, maximum: number];

/**
 * Reads a mel image that this page made.
 *
 * @param type - its media type
 * @throws Error if it is damaged
 */
export async function spectrogramOf(
  picture: Uint8Array<ArrayBuffer>,
  type: string,
): Promise<Spectrogram> {
  return type === "image/png" ? ofPng(picture) : ofWebp(picture, type);
}

function ofPng(picture: Uint8Array): Spectrogram {
  const { width, height, data, text } = decode(picture);
  return valuesOf(data as Uint8Array, width, height, 1, rangeIn(text["mel-range"]));
}

/** The browser decodes what it encoded; grey is any of its colours. */
async function ofWebp(picture: Uint8Array<ArrayBuffer>, type: string): Promise<Spectrogram> {
  const image = await createImageBitmap(new Blob([picture], { type }), {
    colorSpaceConversion: "none",
  });
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!canvas) throw new Error("this browser decodes no such picture");
  canvas.drawImage(image, 0, 0);
  const { data } = canvas.getImageData(0, 0, width, height);
  const metadata = new TextDecoder("latin1").decode(picture).match(ATTRIBUTE)?.[1];
  return valuesOf(data, width, height, 4, rangeIn(metadata));
}

function rangeIn(text: string | undefined): Range {
  const [minimum, maximum] = (text ?? "").split(" ").map(Number);
  return text && minimum <= maximum ? [minimum, maximum] : USUAL_RANGE;
}

/** Returns the values of pixels, of which the highest row is the highest frequency. */
function valuesOf(
  pixels: Uint8Array | Uint8ClampedArray,
  frames: number,
  melBins: number,
  channels: number,
  [minimum, maximum]: Range,
): Spectrogram {
  const values = new Float32Array(melBins * frames);
  const step = (maximum - minimum) / 255;
  let highest = Number.NEGATIVE_INFINITY;
  for (let bin = 0; bin < melBins; bin++) {
    const row = (melBins - 1 - bin) * frames;
    for (let frame = 0; frame < frames; frame++) {
      const value = minimum + pixels[(row + frame) * channels] * step;
      values[bin * frames + frame] = value;
      if (value > highest) highest = value;
    }
  }
  const floor = highest - BELOW_MAXIMUM;
  for (let i = 0; i < values.length; i++) if (values[i] < floor) values[i] = floor;
  return { melBins, frames, values };
}

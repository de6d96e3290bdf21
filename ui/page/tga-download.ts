/** From the PNG that was sent to mel-spec's TGA: other bytes, the same pixels and range. */

import { decode } from "fast-png";
import { topDown } from "../chain/image";
import { encodeTga } from "../chain/tga";
import type { MelBins } from "../shared/messages";

/** Writes a PNG mel image of this page as TGA. */
export function tgaOfPng(png: Uint8Array): Uint8Array<ArrayBuffer> {
  const { width, height, data, text } = decode(png);
  const [minimum, maximum] = text["mel-range"].split(" ").map(Number);
  const image = {
    melBins: height as MelBins,
    frames: width,
    pixels: data as Uint8Array,
    minimum,
    maximum,
  };
  // Turning rows upside down once more puts the lowest frequency first.
  return encodeTga({ ...image, pixels: topDown(image) });
}

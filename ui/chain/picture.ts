// Pictures: mel images as files, as they leave the device.

import type { Encoding } from "./encoding";
import type { MelImage } from "./image";
import { encodePng } from "./png";

/** A mel image as a file. */
export interface Picture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: "image/png" | "image/webp";
}

/**
 * Write a mel image as a file. Where lossy WebP would do too much harm, or save nothing, it is PNG.
 *
 * @throws Error if WebP's encoder cannot be loaded
 */
export async function encode(image: MelImage, encoding: Encoding): Promise<Picture> {
  const png: Picture = { bytes: encodePng(image), type: "image/png" };
  if (encoding.format === "png") return png;
  // Encoder and decoder are large: they come with the first picture that needs them.
  const { encodeWebp } = await import("./webp");
  const bytes = await encodeWebp(image, encoding.quality);
  return bytes && bytes.length < png.bytes.length ? { bytes, type: "image/webp" } : png;
}

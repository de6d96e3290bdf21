import type { MelImage } from "./image";

const HEADER = 18;
const IDENTIFICATION = 8;
const GRAYSCALE = 3;

/** Write a mel image as an uncompressed grayscale TGA file with its range in the image ID. */
export function encodeTga(image: MelImage): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(HEADER + IDENTIFICATION + image.pixels.length);
  const view = new DataView(file.buffer);
  view.setUint8(0, IDENTIFICATION);
  view.setUint8(2, GRAYSCALE);
  view.setUint16(12, image.frames, true);
  view.setUint16(14, image.melBins, true);
  view.setUint8(16, 8); // bits a pixel
  view.setFloat32(HEADER, image.minimum, true);
  view.setFloat32(HEADER + 4, image.maximum, true);
  file.set(image.pixels, HEADER + IDENTIFICATION);
  return file;
}

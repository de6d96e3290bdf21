import { zlibSync } from "fflate";
import { type MelImage, rangeText, topDown } from "./image";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Each pixel is stored as its difference from the one to its left, above, or above to the left. */
const PAETH = 4;

/** Write a mel image as an 8-bit grayscale PNG file with its range in a text chunk. */
export function encodePng(image: MelImage): Uint8Array<ArrayBuffer> {
  return written(topDown(image), image.frames, image.melBins, { "mel-range": rangeText(image) });
}

/**
 * Write an 8-bit grayscale PNG file.
 *
 * For spectrograms: one filter for all rows is as good as a choice for each of them, and without a
 * filter, as fast-png writes its files, they are a quarter larger.
 *
 * @param pixels - row after row, the top one first
 * @param text - what to say in text chunks, by keyword; Latin-1
 */
function written(
  pixels: Uint8Array,
  width: number,
  height: number,
  text: Record<string, string>,
): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  view.setUint8(8, 8); // bits a pixel; what is left at 0: grayscale, deflate, not interlaced
  const chunks = [
    chunk("IHDR", header),
    ...Object.entries(text).map(([keyword, words]) =>
      chunk("tEXt", latin1(`${keyword}\0${words}`)),
    ),
    chunk("IDAT", zlibSync(filtered(pixels, width, height))),
    chunk("IEND", new Uint8Array(0)),
  ];
  return joined([Uint8Array.from(SIGNATURE), ...chunks]);
}

function filtered(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    rows[to++] = PAETH;
    for (let x = 0; x < width; x++, from++) {
      const left = x > 0 ? pixels[from - 1] : 0;
      const above = y > 0 ? pixels[from - width] : 0;
      const corner = x > 0 && y > 0 ? pixels[from - width - 1] : 0;
      rows[to++] = pixels[from] - predicted(left, above, corner);
    }
  }
  return rows;
}

/** The one of the three that is nearest to left + above - corner, the former one of equals. */
function predicted(left: number, above: number, corner: number): number {
  const fromLeft = Math.abs(above - corner);
  const fromAbove = Math.abs(left - corner);
  const fromCorner = Math.abs(left + above - 2 * corner);
  if (fromLeft <= fromAbove && fromLeft <= fromCorner) return left;
  return fromAbove <= fromCorner ? above : corner;
}

/** Length, name, content, and a checksum of the latter two. */
function chunk(name: string, content: Uint8Array): Uint8Array {
  const bytes = joined([new Uint8Array(4), latin1(name), content, new Uint8Array(4)]);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(4, -4)));
  return bytes;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ REMAINDERS[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  }
  return remainder;
});

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

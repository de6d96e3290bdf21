// Lossy WebP, a fourth of the PNG or so. Encoder and decoder are loaded when the first picture
// is asked for: import this module lazily too.

import decode from "@jsquash/webp/decode";
import encode from "@jsquash/webp/encode";
import { type MelImage, rangeText, topDown } from "./image";

/** Root of the mean square of what pixels may be off by, in levels; speech is off by about 10. */
const LARGEST_ERROR = 20;

/**
 * Write a mel image as a lossy WebP file with its range in an XMP packet.
 *
 * @param quality - 0 (smallest) to 100
 * @returns the file; null where its pixels, decoded again, are too far off
 * @throws Error if the encoder cannot be loaded
 */
export async function encodeWebp(
  image: MelImage,
  quality: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const colours = { width: image.frames, height: image.melBins, data: rgba(image) } as ImageData;
  // Spatial noise shaping and segments hide errors from eyes, and so add to them.
  const options = { quality, method: 6, sns_strength: 0, segments: 1 };
  const plain = await encode(colours, options);
  if (error(colours, await decode(plain)) > LARGEST_ERROR) return null;
  return withMetadata(new Uint8Array(plain), image);
}

function rgba(image: MelImage): Uint8ClampedArray<ArrayBuffer> {
  const data = new Uint8ClampedArray(4 * image.pixels.length).fill(255);
  topDown(image).forEach((level, i) => {
    data.fill(level, 4 * i, 4 * i + 3);
  });
  return data;
}

/** Root of the mean square of the differences in all pixels. */
function error(one: ImageData, other: ImageData): number {
  if (one.width !== other.width || one.height !== other.height) return Number.POSITIVE_INFINITY;
  const squares = one.data.reduce((sum, level, i) => sum + (level - other.data[i]) ** 2, 0);
  return Math.sqrt(squares / (3 * one.width * one.height)); // opacity is the same everywhere
}

/** Turn WebP's simple file format into the extended one, with an XMP packet that says the range. */
function withMetadata(file: Uint8Array, image: MelImage): Uint8Array<ArrayBuffer> {
  const thereIsXmp = 0x04;
  const size = [...bytes24(image.frames - 1), ...bytes24(image.melBins - 1)];
  const body = [
    ...ascii("WEBP"),
    ...chunk("VP8X", [thereIsXmp, 0, 0, 0, ...size]),
    ...file.subarray(12),
    ...chunk("XMP ", ascii(xmp(image))),
  ];
  return Uint8Array.from(chunk("RIFF", body));
}

function xmp(image: MelImage): string {
  return (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">' +
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    `<rdf:Description xmlns:mel="urn:mel-image:1" mel:range="${rangeText(image)}"/>` +
    "</rdf:RDF></x:xmpmeta>"
  );
}

function chunk(name: string, content: number[]): number[] {
  const length = content.length;
  return [
    ...ascii(name),
    ...bytes24(length),
    length >>> 24,
    ...content,
    ...(length % 2 ? [0] : []),
  ];
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

/** Little-endian. */
function bytes24(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff];
}

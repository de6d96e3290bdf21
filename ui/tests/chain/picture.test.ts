import decode from "@jsquash/webp/decode";
import { beforeAll, expect, test } from "vitest";
import { ENCODINGS } from "../../chain/encoding";
import { type MelImage, rangeText } from "../../chain/image";
import { encode } from "../../chain/picture";
import { encodePng } from "../../chain/png";
import { loadCodecs } from "./codecs";
import { imageOf, SMALL } from "./vectors";

beforeAll(loadCodecs);

test("small means what it means to the library", () => {
  expect(ENCODINGS.small).toEqual(SMALL);
});

test("a smaller quality makes a smaller file", async () => {
  const image = imageOf(0, 80, 0);
  const [less, more] = await Promise.all(
    [20, 60].map((quality) => encode(image, { format: "webp", quality })),
  );
  expect(less.bytes.length).toBeLessThan(more.bytes.length);
});

test.each([80, 128] as const)(
  "speech of %i bins becomes a third of its PNG file at most",
  async (melBins) => {
    const image = imageOf(0, melBins, 0);
    const { bytes, type } = await encode(image, ENCODINGS.small);
    expect(type).toBe("image/webp");
    expect(bytes.length).toBeLessThan(encodePng(image).length / 3);
    const picture = await decode(bytes.buffer);
    expect([picture.width, picture.height]).toEqual([image.frames, melBins]);
    const text = new TextDecoder("latin1").decode(bytes);
    expect(text).toContain(`mel:range="${rangeText(image)}"`);
    expect(new DataView(bytes.buffer).getUint32(4, true)).toBe(bytes.length - 8);
  },
);

test("a picture that would suffer too much stays lossless", async () => {
  const pixels = Uint8Array.from(
    { length: 80 * 300 },
    (_, i) => (Math.imul(i, 0x9e3779b1) >>> 16) & 255,
  );
  const image: MelImage = { melBins: 80, frames: 300, pixels, minimum: -1, maximum: 1 };
  expect(await encode(image, ENCODINGS.small)).toEqual({
    bytes: encodePng(image),
    type: "image/png",
  });
});

test("a picture that would not get smaller stays lossless", async () => {
  const image = imageOf(3, 80, 0);
  expect((await encode(image, ENCODINGS.small)).type).toBe("image/png");
});

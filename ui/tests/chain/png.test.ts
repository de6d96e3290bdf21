import fc from "fast-check";
import { decode } from "fast-png";
import { expect, test } from "vitest";
import { type MelImage, topDown } from "../../chain/image";
import { encodePng } from "../../chain/png";

const images: fc.Arbitrary<MelImage> = fc
  .record({
    melBins: fc.constantFrom(80 as const, 128 as const),
    frames: fc.integer({ min: 1, max: 40 }),
    seed: fc.integer(),
    range: fc.tuple(
      fc.float({ noNaN: true, min: -3, max: 3 }),
      fc.float({ min: 0, max: 3, noNaN: true }),
    ),
  })
  .map(({ melBins, frames, seed, range: [minimum, span] }) => ({
    melBins,
    frames,
    pixels: Uint8Array.from(
      { length: melBins * frames },
      (_, i) => Math.imul(seed + i, 0x9e3779b1) >>> 24,
    ),
    minimum,
    maximum: Math.fround(minimum + span),
  }));

test("a PNG file holds pixels and range exactly", () => {
  fc.assert(
    fc.property(images, (image) => {
      const png = decode(encodePng(image), { checkCrc: true });
      expect([png.width, png.height, png.depth, png.channels]).toEqual([
        image.frames,
        image.melBins,
        8,
        1,
      ]);
      expect(png.data).toEqual(topDown(image));
      const range = png.text?.["mel-range"]?.split(" ").map((word) => Math.fround(Number(word)));
      expect(range).toEqual([image.minimum + 0, image.maximum + 0]);
    }),
  );
});

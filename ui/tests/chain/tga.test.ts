import { expect, test } from "vitest";
import { encodeTga } from "../../chain/tga";

test("a TGA file has the bytes of the specification's test vector", () => {
  const pixels = new Uint8Array(160);
  pixels[0] = 255;
  pixels[159] = 128;
  const file = encodeTga({ melBins: 80, frames: 2, pixels, minimum: -0.5, maximum: 1.5 });
  const expected = new Uint8Array(26 + 160);
  expected.set([8, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 80, 0, 8, 0]);
  expected.set([0, 0, 0, 0xbf, 0, 0, 0xc0, 0x3f], 18);
  expected[26] = 255;
  expected[185] = 128;
  expect(file).toEqual(expected);
});

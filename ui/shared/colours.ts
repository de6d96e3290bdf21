/**
 * The colours of spectrograms: "mako" of seaborn (BSD-3-Clause), perceptually uniform, from near
 * black over blue and teal to pale green; every sixteenth of its 256 colours, and linear between.
 */
const MAKO = [
  0x0b0405, 0x1c101c, 0x2b1c35, 0x37284f, 0x3e356b, 0x414387, 0x3b5698, 0x36699f, 0x357ba3,
  0x348ca7, 0x359eaa, 0x3bafad, 0x49c1ad, 0x68d1ad, 0x96ddb5, 0xbee8ca, 0xdef5e5,
];

/** Returns 256 colours as the little-endian words that ImageData holds: 0xAABBGGRR. */
export function colourTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, level) => {
    const place = (level / 255) * (MAKO.length - 1);
    const index = Math.min(Math.floor(place), MAKO.length - 2);
    const mixed = [16, 8, 0].map((shift) => {
      const from = (MAKO[index] >> shift) & 255;
      const to = (MAKO[index + 1] >> shift) & 255;
      return Math.round(from + (to - from) * (place - index));
    });
    return (0xff000000 | (mixed[2] << 16) | (mixed[1] << 8) | mixed[0]) >>> 0;
  });
}

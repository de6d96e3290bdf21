// How mel images become files, and which of these ways people choose between.

/** The format of a file; a quality is 0 (smallest) to 100, and makes it lossy. */
export type Encoding =
  | { readonly format: "png" }
  | { readonly format: "webp"; readonly quality: number };

/**
 * What the choices mean. hush/image.py says of `small` what the library means by it, and
 * tests/ui/vectors holds both to the same; a service may ask for another quality.
 */
export const ENCODINGS = {
  png: { format: "png" },
  small: { format: "webp", quality: 75 },
} as const satisfies Record<string, Encoding>;

/** Lossless, or a third of the bytes, for a third of a point of words (docs/payload.md). */
export type PictureChoice = keyof typeof ENCODINGS;

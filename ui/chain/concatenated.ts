/** Returns typed arrays as one. */
export function concatenated<Values extends Int8Array | Float32Array>(
  parts: readonly Values[],
  kind: new (length: number) => Values,
): Values {
  const whole = new kind(parts.reduce((sum, { length }) => sum + length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** Names that nothing else has. */

/** Returns a new one. `crypto.randomUUID` is for pages that come over https, or from localhost. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

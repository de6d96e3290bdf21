/** What two sequences of words have in common. */

/**
 * Returns of each word its place in another sequence; null where it is not in the longest sequence
 * that the two have in common.
 */
export function aligned(words: readonly string[], others: readonly string[]): (number | null)[] {
  let before = 0;
  while (before < words.length && words[before] === others[before]) before += 1;
  const left = Math.min(words.length, others.length) - before;
  let after = 0;
  while (after < left && words.at(-1 - after) === others.at(-1 - after)) after += 1;
  const middle = between(
    words.slice(before, words.length - after),
    others.slice(before, others.length - after),
  );
  return words.map((_, place) => {
    if (place < before) return place;
    if (place >= words.length - after) return others.length - words.length + place;
    const found = middle[place - before];
    return found === null ? null : before + found;
  });
}

function between(words: string[], others: string[]): (number | null)[] {
  const lengths = Array.from(
    { length: words.length + 1 },
    () => new Uint16Array(others.length + 1),
  );
  for (let one = words.length - 1; one >= 0; one -= 1) {
    for (let other = others.length - 1; other >= 0; other -= 1) {
      lengths[one][other] =
        words[one] === others[other]
          ? lengths[one + 1][other + 1] + 1
          : Math.max(lengths[one + 1][other], lengths[one][other + 1]);
    }
  }
  let other = 0;
  return words.map((word, one) => {
    while (other < others.length && lengths[one][other + 1] === lengths[one][other]) other += 1;
    if (other === others.length || word !== others[other]) return null;
    other += 1;
    return other - 1;
  });
}

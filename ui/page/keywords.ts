/** Names and words to expect, as somebody types them. */

/** Tokens that models take before the words that they write, less some that estimates miss. */
const ROOM = 210;

/** Returns what is typed one by one: between commas, or each on its line. */
export function keywordsIn(text: string): string[] {
  const typed = text
    // To models, this begins what is no word.
    .replaceAll("<|", "")
    .split(/[,;\n，、；]/)
    .map((keyword) => keyword.trim().replace(/\s+/g, " "))
    .filter(Boolean);
  return [...new Set(typed)];
}

/** Returns the first of them, as many as a model takes. */
export function fitting(keywords: string[]): string[] {
  let room = ROOM;
  const beyond = keywords.findIndex((keyword) => {
    room -= tokens(keyword);
    return room < 0;
  });
  return beyond < 0 ? keywords : keywords.slice(0, beyond);
}

/** Returns about how many tokens a name takes with the comma after it; rather too many. */
function tokens(keyword: string): number {
  return Math.ceil(new TextEncoder().encode(keyword).length / 3) + 1;
}

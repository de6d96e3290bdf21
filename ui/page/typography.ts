/** How text of any script is joined, measured and broken into lines: as hush/typography.py does. */

/** Thai, Lao, Burmese, Khmer, Chinese and Japanese, which have no spaces between words. */
const UNSPACED =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff9f\u{20000}-\u{3ffff}]/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3ffff}]/u;
const HIRAGANA = /[\u3041-\u309f]/;
const KATAKANA = /[\u30a0-\u30ff]/;
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these separate words too
const SPACE = /[\s\x1c-\x1f\x85\ufeff]+/g;
const SENTENCE_ENDS = ".!?…。！？؟।";
const CLAUSE_ENDS = ",;:、，；：،–—";
const QUOTES = "\"'”’»)]」』）";
const NEVER_FIRST = new Set(
  `${SENTENCE_ENDS}${CLAUSE_ENDS}${QUOTES}》】〕〉］｝}%ー々〻ゝゞヽヾ・～` +
    "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶะาำๅๆฯຯະາຳໆ",
);
const NEVER_LAST = new Set("([{“‘«「『《【〔〈（［｛$£¥เแโใไເແໂໃໄ");

/** Joins texts that were said one after the other: with spaces where their script has them. */
export function joined(texts: Iterable<string>): string {
  let whole = "";
  for (const text of texts) {
    const bare = text.trim();
    if (!bare) continue;
    whole += gap(whole, bare) + bare;
  }
  return whole;
}

/** Returns what parts two texts that were said one after the other. */
export function gap(one: string, other: string): "" | " " {
  const last = [...one].at(-1) ?? "";
  const [first = ""] = other;
  return !one || UNSPACED.test(last) || UNSPACED.test(first) ? "" : " ";
}

/** Returns how much room a text takes in a line: Chinese, Japanese and Korean signs count two. */
export function width(text: string): number {
  let sum = 0;
  for (const sign of text) sum += widthOf(sign);
  return sum;
}

function widthOf(sign: string): number {
  if (sign <= "\x7f") return 1;
  if (NO_WIDTH.test(sign)) return 0;
  return WIDE.test(sign) ? 2 : 1;
}

/** Returns a text with one space where it has any white space, and none at its ends. */
export function plain(text: string): string {
  return text.replace(SPACE, " ").replace(/^ | $/g, "");
}

/**
 * Cuts a plain text wherever a line may end; the pieces together are the text.
 *
 * @param widest - Words that are wider are cut in themselves.
 */
export function pieces(text: string, widest: number): string[] {
  const found: string[] = [];
  let room = 0;
  let last = "";
  for (const sign of text) {
    const wide = widthOf(sign);
    if (!found.length || sign === " " || (last !== " " && mayBreak(last, sign))) {
      found.push(sign);
      room = sign === " " ? 0 : wide;
    } else if (room + wide > widest && wide) {
      found.push(sign);
      room = wide;
    } else {
      found[found.length - 1] += sign;
      room += wide;
    }
    last = sign;
  }
  return found;
}

function mayBreak(last: string, sign: string): boolean {
  if (NEVER_FIRST.has(sign) || NEVER_LAST.has(last) || NO_WIDTH.test(sign)) return false;
  return UNSPACED.test(last) || UNSPACED.test(sign);
}

/** Returns how bad it is to end a line between two pieces: 0 after a sentence, up to 1. */
export function breakPenalty(last: string, following: string): number {
  const end = [...last].findLast((sign) => !QUOTES.includes(sign)) ?? " ";
  if (SENTENCE_ENDS.includes(end)) return 0;
  if (CLAUSE_ENDS.includes(end)) return 0.1;
  if (!following.startsWith(" ")) return penaltyWithin([...last].at(-1) ?? "", following);
  // Short words, as articles are, belong to what follows in most languages.
  return width(last.trim()) <= 3 ? 0.45 : 0.4;
}

/** Returns how bad it is to part two signs that no space parts. */
function penaltyWithin(last: string, following: string): number {
  const [first = ""] = following;
  // A Japanese word ends in hiragana, and the next begins with something else.
  if (HIRAGANA.test(last) && !HIRAGANA.test(first)) return 0.5;
  const together = [HIRAGANA, KATAKANA].some((kana) => kana.test(last) && kana.test(first));
  return together ? 0.8 : 0.7;
}

/** Leads to places in the transcript. */

/** Leads to words of an utterance, and marks them: from and until are places in its text. */
export function leadToWords(utterance: string, from: number, until: number): void {
  const words = document.querySelector<HTMLElement>(
    `.words[data-utterance="${CSS.escape(utterance)}"]`,
  );
  if (!words) return;
  leadTo(words);
  mark(rangeOf(words, from, until));
}

/** Leads to the beginning of a recording. */
export function leadToRecording(id: string): void {
  const take = document.querySelector<HTMLElement>(`.take[data-recording="${CSS.escape(id)}"]`);
  if (take) leadTo(take);
}

function leadTo(element: HTMLElement): void {
  element.tabIndex = -1;
  element.focus({ preventScroll: true });
  const isTall = element.offsetHeight > innerHeight / 2;
  element.scrollIntoView({ block: isTall ? "start" : "center" });
}

/** Marks words until somebody does something else. */
function mark(range: Range | null): void {
  if (!range || !("highlights" in CSS)) return;
  CSS.highlights.set("found", new Highlight(range));
  const forget = () => CSS.highlights.delete("found");
  addEventListener("pointerdown", forget, { once: true });
}

/** Returns the range of a part of an element's words; marks among them and spaces do not count. */
function rangeOf(words: HTMLElement, from: number, until: number): Range | null {
  const text = words.cloneNode(true) as HTMLElement;
  for (const unheard of text.querySelectorAll(".unheard")) unheard.remove();
  const written = (text.textContent ?? "").replace(/\s+/g, " ").trim();
  const [first, last] = [from, until].map((at) => written.slice(0, at).replace(/\s/g, "").length);
  const range = document.createRange();
  const walker = document.createTreeWalker(words, NodeFilter.SHOW_TEXT);
  let count = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement?.closest(".unheard")) continue;
    for (const [at, sign] of Array.from(node.textContent ?? "").entries()) {
      if (/\s/.test(sign)) continue;
      if (count === first) range.setStart(node, at);
      count += sign.length;
      if (count === last) {
        range.setEnd(node, at + sign.length);
        return range;
      }
    }
  }
  return null;
}

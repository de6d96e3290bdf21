/** The word that is being heard, lit in the transcript and kept in sight. */

/** What says of a word that it is the one; styles and screen readers know it. */
const LIT = "aria-current";
/** Where a word comes to stand that was out of sight, as a share of the text's height. */
const PLACE = 1 / 3;
const SENTENCE_END = /[.!?…。！？؟।]["'”’»)\]」』）]*$/;

/** Lights the words of one recording as it is heard. */
export class LitWord {
  readonly #text: HTMLElement;
  readonly #recording: string;
  #words: HTMLElement[] = [];
  #starts: number[] = [];
  #lit: HTMLElement | null = null;
  /** Whether its reader looks at something else. */
  #left = false;
  readonly #observer = new MutationObserver(() => {
    this.#words = [];
  });
  readonly #leave = new AbortController();

  /** @param text - the element that scrolls, with the words of all recordings in it */
  constructor(text: HTMLElement, recording: string) {
    this.#text = text;
    this.#recording = recording;
    this.#observer.observe(text, { childList: true, subtree: true });
    const left = () => {
      this.#left = true;
    };
    const { signal } = this.#leave;
    for (const way of ["wheel", "touchmove", "keydown"]) {
      text.addEventListener(way, left, { signal, passive: true });
    }
  }

  /** Lights what is heard at a time; unless `follow`, the text stays where it was scrolled. */
  show(seconds: number, follow: boolean): void {
    this.#find();
    const place = lastUntil(this.#starts, seconds + 0.01);
    const word = this.#words[place] ?? null;
    if (follow) {
      this.#left = false;
      // On a small screen, the player may stand over the text.
      this.#text.scrollIntoView({ block: "nearest" });
    }
    if (word !== this.#lit || follow) {
      this.#lit?.removeAttribute(LIT);
      word?.setAttribute(LIT, "true");
      this.#lit = word;
      if (word) this.#keepInSight(word);
    }
  }

  /** Returns where the sentence before or after a time begins, in seconds; null without one. */
  sentenceBeside(seconds: number, step: -1 | 1): number | null {
    this.#find();
    const begins: number[] = [];
    for (const [place, word] of this.#words.entries()) {
      if (place === 0 || isFirst(word, this.#words[place - 1])) begins.push(this.#starts[place]);
    }
    // Who goes back within a first second means the one before.
    const now = lastUntil(begins, seconds + (step < 0 ? -1 : 0.01));
    return begins[step < 0 ? Math.max(0, now) : now + 1] ?? null;
  }

  /** Puts out the light. */
  close(): void {
    this.#lit?.removeAttribute(LIT);
    this.#observer.disconnect();
    this.#leave.abort();
  }

  #find(): void {
    if (this.#words.length) return;
    const take = `[data-recording="${this.#recording}"]`;
    this.#words = [...this.#text.querySelectorAll<HTMLElement>(`${take} [data-word]`)];
    this.#starts = this.#words.map((word) => Number(word.dataset.word));
  }

  #keepInSight(word: HTMLElement): void {
    const { top, bottom, height } = this.#text.getBoundingClientRect();
    const box = word.getBoundingClientRect();
    const inSight = box.top >= top && box.bottom <= bottom;
    if (inSight) this.#left = false;
    else if (!this.#left) this.#text.scrollBy({ top: box.top - top - height * PLACE });
  }
}

function isFirst(word: HTMLElement, before: HTMLElement): boolean {
  if (word.closest(".words") !== before.closest(".words")) return true;
  return SENTENCE_END.test(before.textContent ?? "");
}

/** Returns the place of the last of ascending numbers that is not above a limit; -1 if none is. */
export function lastUntil(numbers: number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

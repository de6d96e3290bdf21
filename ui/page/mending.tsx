/** Words that are mended where they stand. */

import { signal, useComputed } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { clock } from "../shared/axes";
import type { Utterance } from "../shared/messages";
import { mend, utteranceNow } from "./library";
import { mendingOf, textOf } from "./mended";
import { plain } from "./typography";
import "./mending.css";

/** What is being mended: utterances of a recording that are read together. */
interface Mending {
  recording: string;
  utterances: ReadonlySet<string>;
  /** Which of them is begun with, and what of it is selected, in UTF-16 units. */
  first: string;
  from: number;
  until: number;
}

export const mending = signal<Mending | null>(null);

const NOTHING: ReadonlySet<string> = new Set();

/** Returns which utterances of a recording are being mended: nothing takes their place then. */
export function useMended(recording: string): ReadonlySet<string> {
  const utterances = useComputed(() =>
    mending.value?.recording === recording ? mending.value.utterances : NOTHING,
  );
  return utterances.value;
}

/** Returns whether an utterance is being mended. */
export function useIsMended(id: string): boolean {
  return useComputed(() => mending.value?.utterances.has(id) ?? false).value;
}

/** Makes words editable, with the cursor in or a selection of those of `first`. */
export function startMending(utterances: string[], first: Utterance, from = 0, until = from): void {
  const { id, recording } = first;
  mending.value = { recording, utterances: new Set(utterances), first: id, from, until };
}

/** An utterance's words in an editable line: Enter or leaving it keeps them, Escape does not. */
export function EditableWords({ utterance }: { utterance: Utterance }) {
  const line = useRef<HTMLSpanElement>(null);
  const taken = useRef(false);
  const keep = (element: HTMLElement) => {
    const now = utteranceNow(utterance.id);
    if (taken.current || !now) return;
    const text = mendingOf(now, element.textContent ?? "");
    if (text !== (now.mended ?? null)) mend(now.id, text);
  };
  useLayoutEffect(() => {
    const element = line.current as HTMLSpanElement;
    element.textContent = plain(textOf(utterance));
    makeEditable(element);
    const { first, from, until } = mending.peek() ?? {};
    if (first === utterance.id) select(element, from ?? 0, until ?? 0);
    // What is taken off the page is kept too.
    return () => keep(element);
  }, []);
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: what is editable takes focus
    // biome-ignore lint/a11y/useSemanticElements: a text area is no line of a paragraph
    <span
      ref={line}
      class="editable"
      role="textbox"
      aria-label={`Words at ${clock(utterance.start)}`}
      onBlur={({ currentTarget, relatedTarget }) => {
        keep(currentTarget);
        // Somebody who looks at another window comes back.
        if (document.activeElement === currentTarget) return;
        if (!(relatedTarget instanceof Element && relatedTarget.matches(".editable"))) finish();
      }}
      onKeyDown={(event) => {
        const { key, currentTarget, isComposing } = event;
        // Keys that mean something elsewhere are letters here.
        event.stopPropagation();
        if (isComposing || (key !== "Enter" && key !== "Escape")) return;
        event.preventDefault();
        taken.current = key === "Escape";
        currentTarget.closest(".said")?.querySelector<HTMLElement>(".mend-button")?.focus();
        // Firefox says nothing of a line that is left in a window behind others.
        finish();
      }}
    />
  );
}

function finish(): void {
  mending.value = null;
}

function makeEditable(element: HTMLElement): void {
  try {
    element.contentEditable = "plaintext-only";
  } catch {
    // Browsers of before 2025 keep what is pasted as it looks; only its text is kept.
    element.contentEditable = "true";
  }
}

function select(element: HTMLElement, from: number, until: number): void {
  element.focus();
  const text = element.firstChild;
  const length = text?.textContent?.length ?? 0;
  getSelection()?.setBaseAndExtent(
    text ?? element,
    Math.min(from, length),
    text ?? element,
    Math.min(until, length),
  );
}

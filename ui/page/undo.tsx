/** What was just done, and the way to take it back. */

import { signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { CloseIcon } from "./icons";
import "./undo.css";

/** Something that can be taken back. */
interface Done {
  /** What was done, in a sentence. */
  text: string;
  undo: () => void;
  /** Called when somebody does not want it back. */
  dismiss?: () => void;
  /** For how long it can be taken back, in milliseconds. */
  within?: number;
}

const done = signal<Done | null>(null);

/** Offers to take back what was just done, instead of what was done before. */
export function offerUndo(what: Done): void {
  done.value = what;
}

/** The offer, at the foot of the screen. */
export function Undo() {
  const what = done.value;
  // Who sees the offer can take it: the key works with its first frame.
  useLayoutEffect(() => {
    if (!what) return;
    const forget = () => {
      if (done.peek() === what) done.value = null;
    };
    const timer = what.within ? setTimeout(forget, what.within) : undefined;
    const onKey = (event: KeyboardEvent) => {
      const { target, key, ctrlKey, metaKey, shiftKey } = event;
      const writes = target instanceof HTMLElement && target.matches("input, .editable");
      if (key !== "z" || !(ctrlKey || metaKey) || shiftKey || writes) return;
      event.preventDefault();
      forget();
      what.undo();
    };
    addEventListener("keydown", onKey);
    return () => {
      clearTimeout(timer);
      removeEventListener("keydown", onKey);
    };
  }, [what]);
  return (
    <div class="undo-place" role="status">
      {what && (
        <p class="undo">
          <span>{what.text}</span>
          <button
            type="button"
            class="text-button"
            onClick={() => {
              done.value = null;
              what.undo();
            }}
          >
            Undo
          </button>
          <button
            type="button"
            class="icon-button"
            aria-label="Dismiss"
            onClick={() => {
              done.value = null;
              what.dismiss?.();
            }}
          >
            <CloseIcon />
          </button>
        </p>
      )}
    </div>
  );
}

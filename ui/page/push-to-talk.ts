/** Push to talk: while the space bar is held, the microphone hears. */

import { microphone, pauseMicrophone, resumeMicrophone, startMicrophone } from "./listening";
import { settings } from "./settings";

/** Where a space bar has something else to do. */
const BUSY =
  "input, textarea, select, button, a, summary, dialog, .player, [contenteditable]:not([contenteditable=false])";

let isHeld = false;

/** Begins to look at the space bar, as far as the settings say so. */
export function listenToSpaceBar(): void {
  addEventListener("keydown", (event) => {
    if (event.key !== " " || !isMeant(event)) return;
    // The page would scroll.
    event.preventDefault();
    if (!event.repeat) void hold();
  });
  addEventListener("keyup", (event) => {
    if (event.key === " ") release();
  });
  // Who leaves the page releases the bar elsewhere.
  addEventListener("blur", release);
}

function isMeant({ target, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean {
  if (!settings.peek().pushToTalk || ctrlKey || metaKey || altKey || shiftKey) return false;
  if (document.querySelector("dialog[open]")) return false;
  return !(target instanceof Element && target.closest(BUSY));
}

async function hold(): Promise<void> {
  isHeld = true;
  if (microphone.peek().state === "off") await startMicrophone();
  else await resumeMicrophone();
  // It may have been released while the microphone was opened.
  if (!isHeld) await pauseMicrophone();
}

function release(): void {
  if (!isHeld) return;
  isHeld = false;
  void pauseMicrophone();
}

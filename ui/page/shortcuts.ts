/**
 * Keys that do what buttons do. A control says its key itself, in `aria-keyshortcuts`, which screen
 * readers tell too; what cannot be seen, or is disabled, has none.
 */

/** What a key does, for who asks. */
export interface Shortcut {
  /** As `aria-keyshortcuts` has it. */
  key: string;
  does: string;
}

/** All keys, in the order in which they are explained. */
export const SHORTCUTS: readonly Shortcut[] = [
  { key: "L", does: "Start listening, and stop" },
  { key: "P", does: "Pause listening, and go on" },
  { key: "Space", does: "Listen while it is held, if you chose that" },
  { key: "O", does: "Choose files" },
  { key: "N", does: "Go to the newest words" },
  { key: "C", does: "Captions: large words" },
  { key: "Shift+C", does: "Copy the newest transcript" },
  { key: "/", does: "Search" },
  { key: "S", does: "Settings" },
  { key: "?", does: "These keys" },
];

/** What of a key press decides what it means. */
export type Press = Pick<
  KeyboardEvent,
  "key" | "shiftKey" | "ctrlKey" | "altKey" | "metaKey" | "repeat" | "isComposing"
>;

/** Returns the shortcut that a key press is, as `aria-keyshortcuts` has it; null if it is none. */
export function shortcutOf(press: Press): string | null {
  const { key, shiftKey, ctrlKey, altKey, metaKey, repeat, isComposing } = press;
  // With these, keys belong to the browser, the system or a screen reader.
  if (ctrlKey || altKey || metaKey || repeat || isComposing) return null;
  const letter = /^[a-z]$/i.test(key);
  const pressed = letter ? `${shiftKey ? "Shift+" : ""}${key.toUpperCase()}` : key;
  return SHORTCUTS.some((shortcut) => shortcut.key === pressed) ? pressed : null;
}

/** Whether keys go into text here, or mean something else. */
export function takesKeys(target: EventTarget | null): boolean {
  const element = target instanceof Element ? target : null;
  return Boolean(element?.closest("input, textarea, select, [contenteditable], dialog"));
}

/** Has keys do what their controls do, if `wanted`. */
export function listenToKeys(wanted: () => boolean): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || takesKeys(event.target) || !wanted()) return;
    if (document.querySelector("dialog[open]")) return;
    const shortcut = shortcutOf(event);
    const control = shortcut && controlOf(shortcut);
    if (!control) return;
    event.preventDefault();
    if (control.matches("input, textarea")) control.focus();
    else control.click();
  });
}

/** Returns the last control with a key that can be used: of several transcripts, the newest's. */
function controlOf(shortcut: string): HTMLElement | undefined {
  const controls = document.querySelectorAll<HTMLElement>("[aria-keyshortcuts]");
  return Array.from(controls).findLast(
    (control) =>
      control.ariaKeyShortcuts === shortcut &&
      control.checkVisibility() &&
      !control.matches(":disabled"),
  );
}

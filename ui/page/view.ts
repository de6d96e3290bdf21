/** How the page is looked at. */

import { signal } from "@preact/signals";

/** Whether the words are large, and all else is small. */
export const captions = signal(false);

/** Which recording the library shows, "" for all; null while it is closed. */
export const library = signal<string | null>(null);

/** Opens the library, for one recording or for all. */
export function openLibraryDialog(recording = ""): void {
  library.value = recording;
}

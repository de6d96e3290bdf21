/** How the page is looked at. */

import { signal } from "@preact/signals";

/** Whether the words are large, and all else is small. */
export const captions = signal(false);

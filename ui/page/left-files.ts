/** The names of files that were not heard to their end, over a reload. */

const STORED = "hush-queue";

/** What was remembered last, as it is written. */
let remembered = "[]";

/** Returns the names that were remembered when the page was closed. */
export function leftFiles(): string[] {
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? "[]");
  } catch {
    return [];
  }
}

/** Remembers the names of files that wait or are heard; until there are some, what was left. */
export function rememberFiles(names: string[]): void {
  const written = JSON.stringify(names);
  if (written === remembered) return;
  remembered = written;
  try {
    sessionStorage.setItem(STORED, written);
  } catch {
    // A browser that remembers nothing still works.
  }
}

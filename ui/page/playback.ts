/** What can be played: sounds that were kept, files that the page has; and what is played now. */

import { effect, signal } from "@preact/signals";
import type { Recording } from "../shared/messages";
import { soundSizes } from "../shared/sounds";
import { takes } from "./library";

/** A wish to hear a recording, from so many seconds on. */
export interface Hearing {
  recording: string;
  seconds: number;
  /** Whether the player is to have the focus. */
  focused: boolean;
}

/** What is to be heard; each wish is another object. Null while there is no player. */
export const hearing = signal<Hearing | null>(null);

/** Bytes of the sounds that are kept, by recording. */
export const keptBytes = signal(new Map<string, number>());

/** Files by what they are recognised by; they are looked into only when they are heard. */
const files = signal(new Map<string, File>());

/** Hears a recording from so many seconds on; the player has the focus then, if it is wanted. */
export function hear(recording: string, seconds = 0, focused = false): void {
  hearing.value = { recording, seconds, focused };
}

/** Remembers files for as long as the page is open. */
export function rememberChosen(chosen: Iterable<File>): void {
  files.value = new Map([
    ...files.value,
    ...Array.from(chosen, (file) => [mark(file), file] as const),
  ]);
}

/** Returns the file that a recording was heard from, if the page has it. */
export function fileOf({ kind, name, file, track }: Recording): File | null {
  // Browsers play the track that the file says, and no other.
  if (kind !== "file" || !file || track !== undefined) return null;
  return files.value.get(mark({ name, ...file })) ?? null;
}

/** Whether a recording can be heard, if need be when its file is chosen again. */
export function canBeHeard(recording: Recording): boolean {
  const { id, kind, ended, file, track } = recording;
  // What is being said has no whole sound yet.
  if (kind === "microphone" && ended === false) return false;
  return (file !== undefined && track === undefined) || keptBytes.value.has(id);
}

function mark({ name, size, lastModified }: Pick<File, "name" | "size" | "lastModified">): string {
  return `${size} ${lastModified} ${name}`;
}

let known = "";
effect(() => {
  const ended = takes.value.map(({ recording: { id, ended } }) => `${id} ${ended !== false}`);
  if (
    hearing.value &&
    !takes.value.some(({ recording }) => recording.id === hearing.value?.recording)
  ) {
    hearing.value = null;
  }
  if (known === ended.join()) return;
  known = ended.join();
  void soundSizes().then((sizes) => {
    keptBytes.value = sizes;
  });
});

/** The room that this page takes in the browser, and whether the browser keeps it. */

import { effect } from "@preact/signals";
import { takes } from "./library";

/** What the browser says of the room that this page takes. */
export interface Storage {
  /** Bytes. */
  used: number;
  allowed: number;
  /** Whether it is kept where the device gets full. */
  persisted: boolean;
}

/** Asks the browser about the room that this page takes; null where it does not say. */
export async function storage(): Promise<Storage | null> {
  try {
    const { usage = 0, quota = 0 } = await navigator.storage.estimate();
    return { used: usage, allowed: quota, persisted: await navigator.storage.persisted() };
  } catch {
    return null;
  }
}

/** Asks the browser to keep what is there, as soon as there is something to keep. */
export function persistWhenKept(): void {
  const stop = effect(() => {
    if (!takes.value.length) return;
    // Browsers without such a question keep things as they please.
    void navigator.storage?.persist?.().catch(() => {});
    queueMicrotask(() => stop());
  });
}

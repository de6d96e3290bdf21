/** Changes of what is kept, each in one transaction: what others change meanwhile stays. */

import type { Database } from "../shared/database";
import type { Recording, Utterance } from "../shared/messages";

/** Changes an utterance, and returns what it is then; null if it is gone. */
export async function changeUtterance(
  database: Database,
  id: string,
  change: (utterance: Utterance) => Utterance,
): Promise<Utterance | null> {
  const { store, done } = database.transaction("segments", "readwrite");
  const kept = await store.get(id);
  const changed = kept ? change(kept) : null;
  if (changed) await store.put(changed);
  await done;
  return changed;
}

/** Changes a recording, and returns what it is then; null if it is gone. */
export async function changeRecording(
  database: Database,
  id: string,
  change: (recording: Recording) => Recording,
): Promise<Recording | null> {
  const { store, done } = database.transaction("recordings", "readwrite");
  const kept = await store.get(id);
  const changed = kept ? change(kept) : null;
  if (changed) await store.put(changed);
  await done;
  return changed;
}

/** Returns an utterance with what somebody wrote, or as it was heard. */
export function mended(utterance: Utterance, text: string | null): Utterance {
  const { mended: _, ...heard } = utterance;
  return text === null ? heard : { ...heard, mended: text };
}

/** Returns a recording as it is heard on, with what people did to it meanwhile. */
export function heardOn(kept: Recording | undefined, heard: Recording): Recording {
  const { title: _, removed: __, ...rest } = heard;
  return {
    ...kept,
    ...rest,
    ...(kept?.title !== undefined && { title: kept.title }),
    ...(kept?.removed !== undefined && { removed: kept.removed }),
  };
}

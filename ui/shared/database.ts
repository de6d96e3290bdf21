/** What this browser keeps until it is removed: recordings, utterances with words, pictures. */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Recording, Utterance } from "./messages";

/** The stores by their names, and what is in them. */
export interface Schema extends DBSchema {
  recordings: { key: string; value: Recording };
  /** Utterances; browsers keep them by this name since before they were called so. */
  segments: {
    key: string;
    value: Utterance;
    indexes: { state: Utterance["state"]; recording: string };
  };
  /** Pictures by the id of their utterance, apart so that lists are read without them. */
  pictures: { key: string; value: Uint8Array<ArrayBuffer> };
}

export type Database = IDBPDatabase<Schema>;

/** Opens the database, and creates it the first time. Rejects where the browser keeps nothing. */
export function openDatabase(): Promise<Database> {
  return openDB<Schema>("hush", 1, {
    upgrade(database) {
      database.createObjectStore("recordings", { keyPath: "id" });
      const utterances = database.createObjectStore("segments", { keyPath: "id" });
      utterances.createIndex("state", "state");
      utterances.createIndex("recording", "recording");
      database.createObjectStore("pictures");
    },
  });
}

/** Removes a recording with its utterances and pictures, in one transaction. */
export async function removeRecording(database: Database, recording: string): Promise<void> {
  const change = database.transaction(["recordings", "segments", "pictures"], "readwrite");
  const utterances = await change.objectStore("segments").index("recording").getAllKeys(recording);
  await Promise.all([
    change.objectStore("recordings").delete(recording),
    ...utterances.flatMap((utterance) => [
      change.objectStore("segments").delete(utterance),
      change.objectStore("pictures").delete(utterance),
    ]),
    change.done,
  ]);
}

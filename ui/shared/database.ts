/** What is kept in this browser until it is removed: recordings, segments with their words, pictures. */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Recording, Segment } from "./messages";

interface Schema extends DBSchema {
  recordings: { key: string; value: Recording };
  segments: {
    key: string;
    value: Segment;
    indexes: { state: Segment["state"]; recording: string };
  };
  /** Pictures by the id of their segment, apart so that lists are read without them. */
  pictures: { key: string; value: Uint8Array<ArrayBuffer> };
}

export type Database = IDBPDatabase<Schema>;

/** Opens the database, and creates it the first time. Rejects where the browser keeps nothing. */
export function openDatabase(): Promise<Database> {
  return openDB<Schema>("hush", 1, {
    upgrade(database) {
      database.createObjectStore("recordings", { keyPath: "id" });
      const segments = database.createObjectStore("segments", { keyPath: "id" });
      segments.createIndex("state", "state");
      segments.createIndex("recording", "recording");
      database.createObjectStore("pictures");
    },
  });
}

/** Removes a recording with its segments and pictures, in one transaction. */
export async function removeRecording(database: Database, recording: string): Promise<void> {
  const change = database.transaction(["recordings", "segments", "pictures"], "readwrite");
  const segments = await change.objectStore("segments").index("recording").getAllKeys(recording);
  await Promise.all([
    change.objectStore("recordings").delete(recording),
    ...segments.flatMap((segment) => [
      change.objectStore("segments").delete(segment),
      change.objectStore("pictures").delete(segment),
    ]),
    change.done,
  ]);
}

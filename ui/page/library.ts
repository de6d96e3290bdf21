/** The recordings and segments that this browser keeps, as they change, and the outbox that changes them. */

import { computed, signal } from "@preact/signals";
import { type Database, openDatabase } from "../shared/database";
import {
  CHANGES,
  type Change,
  type OutboxOrder,
  type Recording,
  type Segment,
} from "../shared/messages";

/** A recording with its segments, in the order in which they were said. */
export interface Take {
  recording: Recording;
  segments: Segment[];
}

const recordings = signal(new Map<string, Recording>());
const segments = signal(new Map<string, Segment>());

/** Why nothing is sent at present; null while all is well. */
export const held = signal<string | null>(null);

/** The latest text to arrive, for who listens to the page. */
export const latest = signal("");

/** All recordings, oldest first. */
export const takes = computed<Take[]>(() => {
  const byRecording = Map.groupBy(segments.value.values(), ({ recording }) => recording);
  return [...recordings.value.values()]
    .sort((one, other) => one.begun - other.begun)
    .map((recording) => ({
      recording,
      segments: (byRecording.get(recording.id) ?? []).sort((one, other) => one.start - other.start),
    }));
});

const outbox = new Worker(new URL("../worker/outbox.ts", import.meta.url), {
  type: "module",
  name: "outbox",
});

/** Tells the outbox to do something. */
export function tellOutbox(order: OutboxOrder, transfer: Transferable[] = []): void {
  outbox.postMessage(order, transfer);
}

new BroadcastChannel(CHANGES).onmessage = (event: MessageEvent<Change>) => {
  const change = event.data;
  switch (change.kind) {
    case "recording":
      recordings.value = new Map(recordings.value).set(change.recording.id, change.recording);
      break;
    case "segment":
      segments.value = new Map(segments.value).set(change.segment.id, change.segment);
      if (change.segment.answer?.text) latest.value = change.segment.answer.text;
      break;
    case "removed":
      forget(change.recording);
      break;
    case "held":
      held.value = change.reason;
      break;
  }
};

function forget(recording: string): void {
  const rest = new Map(recordings.value);
  rest.delete(recording);
  recordings.value = rest;
  segments.value = new Map([...segments.value].filter(([, kept]) => kept.recording !== recording));
}

let database: Promise<Database> | null = null;

/** Reads what earlier visits left. */
export async function openLibrary(): Promise<void> {
  try {
    database = openDatabase();
    const kept = await database;
    const [keptRecordings, keptSegments] = await Promise.all([
      kept.getAll("recordings"),
      kept.getAll("segments"),
    ]);
    // What changed meanwhile is newer than what was read.
    recordings.value = new Map([
      ...keptRecordings.map((recording) => [recording.id, recording] as const),
      ...recordings.value,
    ]);
    segments.value = new Map([
      ...keptSegments.map((segment) => [segment.id, segment] as const),
      ...segments.value,
    ]);
  } catch {
    // The outbox says that this browser keeps nothing.
  }
}

/** Returns the picture of a segment, or null if it is gone. */
export async function picture(segment: Segment): Promise<Blob | null> {
  const bytes = await (await database)?.get("pictures", segment.id);
  return bytes ? new Blob([bytes], { type: segment.type }) : null;
}

/** The recordings and utterances that this browser keeps, and the outbox that changes them. */

import { batch, computed, signal } from "@preact/signals";
import { type Database, openDatabase } from "../shared/database";
import {
  areSame,
  CHANGES,
  type Change,
  type Hold,
  mendedAs,
  type OutboxOrder,
  type PictureSum,
  type Recording,
  type Utterance,
  type Wishes,
} from "../shared/messages";
import { Agreement, type InterimWords } from "./agreement";
import { joined } from "./typography";

/** A recording with its utterances, in the order in which they were said. */
export interface Take {
  recording: Recording;
  utterances: Utterance[];
}

const recordings = signal(new Map<string, Recording>());
const utterances = signal(new Map<string, Utterance>());

/** Why nothing is sent at present; null while all is well. */
export const held = signal<Hold | null>(null);

/** Words of what is still being said, by utterance, until the service has heard all of it. */
export const interimWords = signal(new Map<string, InterimWords>());

/** The latest text to arrive, for who listens to the page. */
export const latest = signal("");

/** All recordings that nobody removed, oldest first; where nothing changed, the same objects. */
export const takes = computed<Take[]>(() => {
  const byRecording = Map.groupBy(utterances.value.values(), ({ recording }) => recording);
  const before = new Map(lastTakes.map((take) => [take.recording, take]));
  lastTakes = [...recordings.value.values()]
    .filter(({ removed }) => removed === undefined)
    .sort((one, other) => one.begun - other.begun)
    .map((recording) => {
      const known = before.get(recording);
      const found = byRecording.get(recording.id) ?? [];
      found.sort((one, other) => one.start - other.start);
      return known && areEqual(known.utterances, found) ? known : { recording, utterances: found };
    });
  return lastTakes;
});
let lastTakes: Take[] = [];

function areEqual(some: Utterance[], others: Utterance[]): boolean {
  return some.length === others.length && some.every((one, place) => one === others[place]);
}

/** All that is kept but for what somebody removed. */
const shownUtterances = computed<Utterance[]>(() =>
  [...utterances.value.values()].filter(
    ({ recording }) => recordings.value.get(recording)?.removed === undefined,
  ),
);

/** Whether something is being heard, in whichever tab, or waits for its words. */
export const unfinished = computed(
  () =>
    [...recordings.value.values()].some(({ ended }) => ended === false) ||
    [...utterances.value.values()].some(({ state }) => state === "waiting"),
);

/** Returns what was kept of a file that was broken off, and was heard with the same wishes. */
export function interruptedAs(
  name: string,
  { size, lastModified }: NonNullable<Recording["file"]>,
  wishes: Wishes,
  track?: number,
): Take | undefined {
  return takes.peek().find(({ recording, utterances }) => {
    const same = recording.file?.size === size && recording.file.lastModified === lastModified;
    const wanted = utterances.every((utterance) => areSame(utterance.wishes, wishes));
    const heard = recording.name === name && recording.track === track;
    return recording.interrupted && heard && same && wanted;
  });
}

/** Utterances whose pictures are whole, in the order of sending, wherever they are heard. */
export const wholeUtterances = computed<Utterance[]>(() =>
  shownUtterances.value
    .filter(({ state }) => state !== "open")
    .sort((one, other) => one.order - other.order),
);

/** What was sent of utterances while they were being said. */
export const interimCost = computed(() => sumOf("interim"));

/** What was sent of utterances once more: to be transcribed again, or in English. */
export const sentAgain = computed(() => sumOf("again"));

function sumOf(what: "interim" | "again"): PictureSum {
  const sum = { pictures: 0, bytes: 0 };
  for (const utterance of shownUtterances.value) {
    sum.pictures += utterance[what]?.pictures ?? 0;
    sum.bytes += utterance[what]?.bytes ?? 0;
  }
  return sum;
}

const outbox = new Worker(new URL("../worker/outbox.ts", import.meta.url), {
  type: "module",
  name: "outbox",
});

/** Tells the outbox to do something. */
export function tellOutbox(order: OutboxOrder, transfer: Transferable[] = []): void {
  outbox.postMessage(order, transfer);
}

/** Has an utterance say what somebody wrote, null for what was heard; on the page at once. */
export function mend(id: string, text: string | null): void {
  mendAll(new Map([[id, text]]));
}

/** Has utterances say what somebody wrote, by their ids. */
export function mendAll(texts: ReadonlyMap<string, string | null>): void {
  const changed = new Map(utterances.peek());
  for (const [id, text] of texts) {
    const utterance = changed.get(id);
    if (!utterance) continue;
    changed.set(id, mendedAs(utterance, text));
    tellOutbox({ kind: "mend", utterance: id, text });
  }
  utterances.value = changed;
}

/** Returns an utterance as it is now. */
export function utteranceNow(id: string): Utterance | undefined {
  return utterances.peek().get(id);
}

/** Calls a recording by another name, "" for its own; on the page at once. */
export function rename(recording: Recording, title: string): void {
  recordings.value = new Map(recordings.peek()).set(recording.id, { ...recording, title });
  tellOutbox({ kind: "rename", recording: recording.id, title });
}

/** Time between two renderings of changes, in milliseconds: a file brings many at once. */
const RENDER_EVERY = 150;

const changes: Change[] = [];
const agreements = new Map<string, Agreement>();
let applied = 0;

new BroadcastChannel(CHANGES).onmessage = (event: MessageEvent<Change>) => {
  // That is for outboxes, and often.
  if (event.data.kind === "service") return;
  changes.push(event.data);
  if (changes.length > 1) return;
  setTimeout(applyChanges, Math.max(0, applied + RENDER_EVERY - performance.now()));
};

function applyChanges(): void {
  applied = performance.now();
  const changedRecordings = new Map(recordings.value);
  let changedUtterances = new Map(utterances.value);
  const told: string[] = [];
  const changedWords = new Map(interimWords.value);
  for (const change of changes.splice(0)) {
    switch (change.kind) {
      case "recording":
        changedRecordings.set(change.recording.id, change.recording);
        break;
      case "utterance":
        if (change.utterance.answer) {
          const isNew = !changedUtterances.get(change.utterance.id)?.answer;
          if (isNew && !change.utterance.joins) told.push(change.utterance.answer.text);
          agreements.delete(change.utterance.id);
          changedWords.delete(change.utterance.id);
        }
        changedUtterances.set(change.utterance.id, change.utterance);
        break;
      case "interim": {
        const agreement = agreements.get(change.utterance) ?? new Agreement();
        agreements.set(change.utterance, agreement);
        changedWords.set(change.utterance, agreement.take(change.text));
        break;
      }
      case "removed":
        changedRecordings.delete(change.recording);
        changedUtterances = new Map(
          [...changedUtterances].filter(([, { recording }]) => recording !== change.recording),
        );
        for (const id of changedWords.keys()) {
          if (changedUtterances.has(id)) continue;
          changedWords.delete(id);
          agreements.delete(id);
        }
        break;
      case "held":
        held.value = change.hold;
        break;
    }
  }
  batch(() => {
    recordings.value = changedRecordings;
    utterances.value = changedUtterances;
    interimWords.value = changedWords;
    latest.value = joined(told) || latest.peek();
  });
}

let database: Promise<Database> | null = null;

/** Reads what earlier visits left. */
export async function openLibrary(): Promise<void> {
  try {
    database = openDatabase();
    const kept = await database;
    const [keptRecordings, keptUtterances] = await Promise.all([
      kept.getAll("recordings"),
      kept.getAll("segments"),
    ]);
    // What changed meanwhile is newer than what was read.
    recordings.value = new Map([
      ...keptRecordings.map((recording) => [recording.id, recording] as const),
      ...recordings.value,
    ]);
    utterances.value = new Map([
      ...keptUtterances.map((utterance) => [utterance.id, utterance] as const),
      ...utterances.value,
    ]);
  } catch {
    // The outbox says that this browser keeps nothing.
  }
}

/** Returns the picture of an utterance, or null if it is gone. */
export async function picture(utterance: Utterance): Promise<Blob | null> {
  const bytes = await (await database)?.get("pictures", utterance.id);
  return bytes ? new Blob([bytes], { type: utterance.type }) : null;
}

/** What is kept on this device. Each change is one transaction, and every tab is told of it. */

import type { StoreValue } from "idb";
import { type Database, removeRecording, type Schema } from "../shared/database";
import {
  type Change,
  hearingLock,
  type Recording,
  TAKEN_BACK_WITHIN,
  type Utterance,
} from "../shared/messages";
import { eraseSound, soundSizes } from "../shared/sounds";
import { isFull, Room } from "./room";

/** Changes what is kept, makes room for it, and clears away what goes. */
export class Kept {
  readonly #database: Database;
  readonly #tell: (change: Change) => void;
  readonly #room: Room;
  /** Bytes of pictures that are kept at most; null for as many as there is room for. */
  #most: number | null = null;
  /** What makes pictures give way, one after the other. */
  #tidying = Promise.resolve();
  /** Whether this tab clears away for all. */
  #clears = false;

  /** @param tell - called with each change once it is on disk */
  constructor(database: Database, tell: (change: Change) => void) {
    this.#database = database;
    this.#tell = tell;
    this.#room = new Room(database);
  }

  /** Notes what any tab tells, this one too. */
  follow(change: Change): void {
    this.#room.follow(change);
    if (change.kind === "recording") this.#eraseLater(change.recording);
    else if (change.kind === "utterance") {
      const { state, pictureless } = change.utterance;
      if (state === "answered" && !pictureless) this.#tidy();
    } else if (change.kind === "room") {
      this.#most = change.bytes;
      this.#tidy();
    }
  }

  /** Clears away what goes, from now on, in the one tab that does so for all. */
  async clear(): Promise<void> {
    this.#clears = true;
    this.#tidy();
    void this.#sweep();
    for (const recording of await this.#database.getAll("recordings")) this.#eraseLater(recording);
  }

  /** Keeps a recording as it is heard on, with what people did to it; returns what it is then. */
  async putRecording(heard: Recording): Promise<Recording> {
    const recording = await this.#change("recordings", heard.id, (kept) => heardOn(kept, heard));
    this.#tell({ kind: "recording", recording });
    return recording;
  }

  /** Keeps an utterance with its picture. */
  async putUtterance(utterance: Utterance, picture: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#withRoom(picture.length, async () => {
      const change = this.#database.transaction(["segments", "pictures"], "readwrite");
      await Promise.all([
        change.objectStore("segments").put(utterance),
        change.objectStore("pictures").put(picture, utterance.id),
        change.done,
      ]);
    });
    this.#tell({ kind: "utterance", utterance });
  }

  /** Changes an utterance, and returns what it is then; null if it is gone. */
  async changeUtterance(
    id: string,
    change: (kept: Utterance) => Utterance,
  ): Promise<Utterance | null> {
    const utterance = await this.#change("segments", id, (kept) => (kept ? change(kept) : null));
    if (utterance) this.#tell({ kind: "utterance", utterance });
    return utterance;
  }

  /** Changes a recording, and returns what it is then; null if it is gone. */
  async changeRecording(
    id: string,
    change: (kept: Recording) => Recording,
  ): Promise<Recording | null> {
    const recording = await this.#change("recordings", id, (kept) => (kept ? change(kept) : null));
    if (recording) this.#tell({ kind: "recording", recording });
    return recording;
  }

  /** Erases a recording with all that belongs to it. */
  async erase(recording: string): Promise<void> {
    await Promise.all([removeRecording(this.#database, recording), eraseSound(recording)]);
    this.#tell({ kind: "removed", recording });
  }

  /** Reads and writes in one transaction: what others change meanwhile stays. */
  #change<Name extends "recordings" | "segments", Result extends StoreValue<Schema, Name> | null>(
    name: Name,
    id: string,
    change: (kept: StoreValue<Schema, Name> | undefined) => Result,
  ): Promise<Result> {
    return this.#withRoom(0, async () => {
      const { store, done } = this.#database.transaction(name, "readwrite");
      const changed = change(await store.get(id));
      await Promise.all([changed && store.put(changed), done]);
      return changed;
    });
  }

  /** Keeps something; where the device is full, pictures make room for it. */
  async #withRoom<Result>(bytes: number, keep: () => Promise<Result>): Promise<Result> {
    try {
      return await keep();
    } catch (error) {
      if (!isFull(error)) throw error;
      const gone = await this.#room.make(bytes);
      if (!gone.length) throw error;
      for (const utterance of gone) this.#tell({ kind: "utterance", utterance });
      return await keep();
    }
  }

  /** Has the oldest pictures give way to what may be kept. */
  #tidy(): void {
    if (!this.#clears || this.#most === null) return;
    this.#tidying = this.#tidying
      .then(async () => {
        if (this.#most === null) return;
        for (const utterance of await this.#room.within(this.#most)) {
          this.#tell({ kind: "utterance", utterance });
        }
      })
      .catch(() => {
        // The next picture has it done again.
      });
  }

  /** Erases a recording that was removed, if nobody takes that back within a while. */
  #eraseLater({ id, removed }: Recording): void {
    if (removed === undefined || !this.#clears) return;
    setTimeout(
      async () => {
        const kept = await this.#database.get("recordings", id);
        if (kept?.removed === removed) await this.erase(id);
      },
      removed + TAKEN_BACK_WITHIN - Date.now(),
    );
  }

  /** Erases sounds that have no recording, and that nobody is keeping now. */
  async #sweep(): Promise<void> {
    for (const recording of (await soundSizes()).keys()) {
      // A recording is kept from its first words on, and its sound from the beginning.
      void navigator.locks?.request(hearingLock(recording), async () => {
        if (!(await this.#database.getKey("recordings", recording))) await eraseSound(recording);
      });
    }
  }
}

/** Returns a recording as it is heard on, with what people did to it meanwhile. */
function heardOn(kept: Recording | undefined, heard: Recording): Recording {
  const { title: _, removed: __, ...rest } = heard;
  return {
    ...kept,
    ...rest,
    ...(kept?.title !== undefined && { title: kept.title }),
    ...(kept?.removed !== undefined && { removed: kept.removed }),
  };
}

/** The room that pictures take on this device: the oldest give way, and words never do. */

import type { Database } from "../shared/database";
import type { Change, Utterance } from "../shared/messages";

/** What a full device is asked for at least, in bytes: a few minutes of speech. */
const LEAST_GIVEN = 2e6;

/** A picture that is kept. */
interface KeptPicture {
  recording: string;
  order: number;
  bytes: number;
  /** Whether its words are there without it. */
  spare: boolean;
}

/** Knows every picture that is kept, and erases those that have to give way. */
export class Room {
  readonly #database: Database;
  readonly #kept = new Map<string, KeptPicture>();
  #measured: Promise<void> | null = null;
  #bytes = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Notes what became of a picture. */
  follow(change: Change): void {
    if (change.kind === "utterance") this.#note(change.utterance);
    if (change.kind !== "removed") return;
    for (const [id, { recording }] of this.#kept) {
      if (recording === change.recording) this.#forget(id);
    }
  }

  /** Erases the oldest pictures until all take so many bytes; returns their utterances. */
  async within(most: number): Promise<Utterance[]> {
    await this.#measure();
    return this.#erase(this.#bytes - most);
  }

  /** Erases the oldest pictures for one that finds no room; returns the utterances they were of. */
  async make(bytes: number): Promise<Utterance[]> {
    await this.#measure();
    return this.#erase(Math.max(LEAST_GIVEN, 2 * bytes));
  }

  /** Reads what earlier visits left; what changed meanwhile is known better. */
  #measure(): Promise<void> {
    this.#measured ??= (async () => {
      const { store } = this.#database.transaction("segments");
      for await (const { value } of store) if (!this.#kept.has(value.id)) this.#note(value);
    })().catch((error) => {
      this.#measured = null;
      throw error;
    });
    return this.#measured;
  }

  #note({ id, recording, order, bytes, state, joins, pictureless }: Utterance): void {
    this.#forget(id);
    if (pictureless) return;
    const spare = state === "answered" || (state === "refused" && joins !== undefined);
    this.#kept.set(id, { recording, order, bytes, spare });
    this.#bytes += bytes;
  }

  #forget(id: string): void {
    this.#bytes -= this.#kept.get(id)?.bytes ?? 0;
    this.#kept.delete(id);
  }

  async #erase(bytes: number): Promise<Utterance[]> {
    const gone: Utterance[] = [];
    if (bytes <= 0) return gone;
    const oldest = [...this.#kept].sort(([, one], [, other]) => one.order - other.order);
    for (const [id, picture] of oldest) {
      if (bytes <= 0) break;
      if (!picture.spare) continue;
      bytes -= picture.bytes;
      this.#forget(id);
      const change = this.#database.transaction(["segments", "pictures"], "readwrite");
      const utterance = await change.objectStore("segments").get(id);
      await change.objectStore("pictures").delete(id);
      if (utterance) {
        const without: Utterance = { ...utterance, pictureless: true };
        await change.objectStore("segments").put(without);
        gone.push(without);
      }
      await change.done;
    }
    return gone;
  }
}

/** Whether something failed because the device, or what the browser may use of it, is full. */
export function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === "QuotaExceededError";
}

/**
 * The outbox: keeps every picture in IndexedDB until its words are there, and sends a few at a time.
 *
 * One tab sends for all (it holds a lock); every tab hears of changes on a broadcast channel.
 */

import { type Database, openDatabase, removeRecording } from "../shared/database";
import {
  CHANGES,
  type Change,
  type Delivery,
  type OutboxOrder,
  type OutboxReceipt,
  type Utterance,
} from "../shared/messages";
import { type Outcome, type Service, transcribe } from "./request";

/** Requests under way at once. */
const IN_FLIGHT = 3;
/** First and longest wait after a failure that says nothing of its own, in milliseconds. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

class Outbox {
  readonly #database: Database;
  readonly #changes = new BroadcastChannel(CHANGES);
  readonly #sending = new Map<string, { recording: string; controller: AbortController }>();
  #waiting: Utterance[] = [];
  #service: Service | null = null;
  #chosen = false;
  #locked = false;
  #failures = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(database: Database) {
    this.#database = database;
    this.#changes.onmessage = (event: MessageEvent<Change>) => this.#hear(event.data);
  }

  /** Waits until no other tab sends, and then sends whatever waits, as long as this tab lives. */
  async serve(): Promise<void> {
    const serving = async () => {
      this.#chosen = true;
      const kept = await this.#database.getAllFromIndex("segments", "state", "waiting");
      for (const utterance of kept) this.#enqueue(utterance);
      await new Promise(() => {});
    };
    await (navigator.locks ? navigator.locks.request("hush-outbox", serving) : serving());
  }

  obey(order: OutboxOrder): void {
    switch (order.kind) {
      case "service":
        this.#service = order;
        this.#unlock();
        break;
      case "listener":
        order.port.onmessage = async (event: MessageEvent<Delivery>) => {
          order.port.postMessage({ problem: await this.#take(event.data) } satisfies OutboxReceipt);
        };
        break;
      case "wake":
        this.#unlock();
        break;
      case "retry":
        void this.#retry(order.utterance);
        break;
      case "remove":
        void this.#remove(order.recording);
        break;
    }
  }

  async #take(delivery: Delivery): Promise<string | null> {
    try {
      if (delivery.kind === "recording") {
        await this.#database.put("recordings", delivery.recording);
        this.#tell({ kind: "recording", recording: delivery.recording });
        return null;
      }
      const { utterance, picture } = delivery;
      const change = this.#database.transaction(["segments", "pictures"], "readwrite");
      await Promise.all([
        change.objectStore("segments").put(utterance),
        change.objectStore("pictures").put(picture, utterance.id),
        change.done,
      ]);
      this.#tell({ kind: "utterance", utterance });
      this.#enqueue(utterance);
      return null;
    } catch (error) {
      return error instanceof DOMException && error.name === "QuotaExceededError"
        ? "this browser has no room left for pictures: remove recordings, and try again"
        : `this browser cannot keep pictures: ${error}`;
    }
  }

  #tell(change: Change): void {
    this.#changes.postMessage(change);
  }

  #hear(change: Change): void {
    if (change.kind === "utterance" && change.utterance.state === "waiting") {
      this.#enqueue(change.utterance);
    } else if (change.kind === "removed") {
      this.#drop(change.recording);
    } else if (change.kind === "wake" && this.#chosen) {
      this.#unlock();
    }
  }

  #enqueue(utterance: Utterance): void {
    if (!this.#chosen || this.#sending.has(utterance.id)) return;
    if (this.#waiting.some(({ id }) => id === utterance.id)) return;
    this.#waiting.push(utterance);
    this.#waiting.sort((one, other) => one.order - other.order);
    this.#send();
  }

  /** Tries at once, whatever kept it from sending: somebody may have signed in, here or elsewhere. */
  #unlock(): void {
    this.#locked = false;
    if (this.#chosen) this.#wake();
    else this.#tell({ kind: "wake" });
  }

  #wake(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#send();
  }

  #send(): void {
    // While the service fails, one picture at a time finds out whether it still does.
    const room = this.#failures ? 1 : IN_FLIGHT;
    const service = this.#service;
    if (!service || this.#locked || this.#pause !== undefined) return;
    while (this.#sending.size < room && this.#waiting.length) {
      const utterance = this.#waiting.shift() as Utterance;
      const controller = new AbortController();
      this.#sending.set(utterance.id, { recording: utterance.recording, controller });
      void this.#transcribe(service, utterance, controller.signal);
    }
  }

  async #transcribe(service: Service, utterance: Utterance, signal: AbortSignal): Promise<void> {
    const picture = await this.#database.get("pictures", utterance.id);
    const sent = Date.now();
    const result: Outcome = picture
      ? await transcribe(service, utterance, picture, signal)
      : { kind: "refused", reason: "its picture is gone" };
    this.#sending.delete(utterance.id);
    if (!signal.aborted) await this.#settle({ ...utterance, sent: utterance.sent ?? sent }, result);
    this.#send();
  }

  async #settle(utterance: Utterance, result: Outcome): Promise<void> {
    if (result.kind !== "answered" && result.kind !== "refused") {
      this.#waiting.unshift(utterance);
      this.#waiting.sort((one, other) => one.order - other.order);
      this.#hold(result);
      return;
    }
    if (this.#failures || this.#locked) this.#tell({ kind: "held", hold: null });
    this.#failures = 0;
    const settled: Utterance =
      result.kind === "answered"
        ? { ...utterance, state: "answered", answer: result.answer, answered: Date.now() }
        : { ...utterance, state: "refused", problem: result.reason };
    await this.#database.put("segments", settled);
    this.#tell({ kind: "utterance", utterance: settled });
  }

  #hold(result: Outcome & { kind: "later" | "spent" | "locked" }): void {
    const cause = { later: "failure", spent: "quota", locked: "locked" } as const;
    this.#tell({ kind: "held", hold: { cause: cause[result.kind], reason: result.reason } });
    if (result.kind === "locked") {
      this.#locked = true;
      return;
    }
    this.#failures += 1;
    if (this.#pause !== undefined) return;
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.#failures - 1));
    const wait = result.after ?? longest * (0.5 + Math.random() / 2);
    this.#pause = setTimeout(() => this.#wake(), wait);
  }

  async #retry(id: string): Promise<void> {
    const utterance = await this.#database.get("segments", id);
    if (utterance?.state !== "refused") return;
    const again: Utterance = { ...utterance, state: "waiting", problem: null };
    await this.#database.put("segments", again);
    this.#tell({ kind: "utterance", utterance: again });
    this.#enqueue(again);
  }

  async #remove(recording: string): Promise<void> {
    this.#drop(recording);
    await removeRecording(this.#database, recording);
    this.#tell({ kind: "removed", recording });
  }

  #drop(recording: string): void {
    this.#waiting = this.#waiting.filter((utterance) => utterance.recording !== recording);
    for (const sending of this.#sending.values()) {
      if (sending.recording === recording) sending.controller.abort();
    }
  }
}

/** Starts the outbox, or says in its place why this browser cannot have one. */
async function open(): Promise<Pick<Outbox, "obey">> {
  try {
    const outbox = new Outbox(await openDatabase());
    void outbox.serve();
    return outbox;
  } catch {
    const problem =
      "this browser keeps nothing for this page (a private window?), so nothing is sent";
    new BroadcastChannel(CHANGES).postMessage({
      kind: "held",
      hold: { cause: "failure", reason: problem },
    } satisfies Change);
    return {
      obey(order) {
        if (order.kind !== "listener") return;
        order.port.onmessage = () => order.port.postMessage({ problem } satisfies OutboxReceipt);
      },
    };
  }
}

const outbox = open();
self.onmessage = async (event: MessageEvent<OutboxOrder>) => (await outbox).obey(event.data);
self.ononline = async () => (await outbox).obey({ kind: "wake" });

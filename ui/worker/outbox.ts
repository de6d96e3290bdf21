/**
 * The outbox: keeps every picture in IndexedDB until its words are there; sends a few at a time.
 *
 * One tab sends for all (it holds a lock); every tab hears of changes on a broadcast channel.
 */

import { type Database, openDatabase } from "../shared/database";
import {
  CHANGES,
  type Change,
  type Delivery,
  hasLeft,
  heardUntil,
  hearingLock,
  mendedAs,
  type OtherWishes,
  type OutboxOrder,
  type OutboxReceipt,
  type Recording,
  type ServiceOrder,
  type Translation,
  type TranslationOrder,
  type Utterance,
} from "../shared/messages";
import { heardAs, toBeTranscribedAgain, translated } from "./again";
import { Kept } from "./kept";
import { type Heard, hearWith, isDeaf, type Outcome, transcribe } from "./request";
import { isFull } from "./room";
import { Translations } from "./translations";

/** Requests under way at once. */
const IN_FLIGHT = 3;
/** First and longest wait after a failure that says nothing of its own, in milliseconds. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

const FULL = "this device is full: remove recordings, or make room on it, and try again";

/** Words that nobody has yet come before those that settle others, and all before what is known. */
function byUrgency(one: Utterance, other: Utterance): number {
  return urgency(one) - urgency(other) || one.order - other.order;
}

function urgency({ joins, before }: Utterance): number {
  return Number(Boolean(joins)) + 2 * Number(Boolean(before));
}

class Outbox {
  readonly #database: Database;
  readonly #kept: Kept;
  readonly #changes = new BroadcastChannel(CHANGES);
  readonly #sending = new Map<string, { recording: string; controller: AbortController }>();
  /** The one request for interim words that is under way. */
  #interim: { recording: string; controller: AbortController } | null = null;
  /** Milliseconds since 1970 before which the service wants no other. */
  #nextInterim = 0;
  /** The language that each recording was last heard in. */
  readonly #languages = new Map<string, string>();
  #waiting: Utterance[] = [];
  /** What this device cannot hear: it waits until somebody else hears. */
  readonly #beyond = new Map<string, Utterance>();
  /** Recordings of all utterances that any tab has yet to have answered, by utterance. */
  readonly #unanswered = new Map<string, string>();
  /** Whether the tab that sends is kept from it. */
  #held = false;
  #service: ServiceOrder | null = null;
  /** Gives up what is on its way to the service. */
  #leaving = new AbortController();
  #chosen = false;
  #locked = false;
  #failures = 0;
  /** Joined pictures that failed once. */
  readonly #passedOver = new Set<string>();
  readonly #translations: Translations;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(database: Database) {
    this.#database = database;
    this.#kept = new Kept(database, (change) => this.#tell(change));
    this.#translations = new Translations(
      database,
      (asked, picture, signal) => this.#ask(asked, picture, signal),
      (...translation) => this.#keepTranslation(...translation),
    );
    this.#changes.onmessage = (event: MessageEvent<Change>) => this.#hear(event.data);
  }

  /** Waits until no other tab sends, and then sends whatever waits, as long as this tab lives. */
  async serve(): Promise<void> {
    for (const kept of await this.#database.getAllFromIndex("segments", "state", "waiting")) {
      if (kept.problem === null) this.#unanswered.set(kept.id, kept.recording);
    }
    const serving = async () => {
      this.#chosen = true;
      const kept = await this.#database.getAllFromIndex("segments", "state", "waiting");
      for (const utterance of kept) this.#enqueue(utterance);
      for (const recording of await this.#database.getAll("recordings")) {
        // Without locks, nobody knows of other tabs.
        if (navigator.locks) this.#await(recording);
        else void this.#finish(recording.id);
      }
      await this.#kept.clear();
      await new Promise(() => {});
    };
    await (navigator.locks ? navigator.locks.request("hush-outbox", serving) : serving());
  }

  obey(order: OutboxOrder): void {
    switch (order.kind) {
      case "service":
        this.#tell(order);
        break;
      case "listener":
        order.port.onmessage = async (event: MessageEvent<Delivery>) => {
          order.port.postMessage(await this.#take(event.data));
        };
        break;
      case "wake":
        this.#unlock();
        break;
      case "retry":
        void this.#retry(order.utterance);
        break;
      case "mend":
        void this.#attempt(
          this.#kept.changeUtterance(order.utterance, (heard) => mendedAs(heard, order.text)),
        );
        break;
      case "rename":
        void this.#attempt(
          this.#kept.changeRecording(order.recording, (kept) => ({ ...kept, title: order.title })),
        );
        break;
      case "again":
        void this.#attempt(this.#transcribeAgain(order.utterances, order.wishes));
        break;
      case "beside": {
        const { recording, translated } = order;
        void this.#attempt(
          this.#kept.changeRecording(recording, (kept) => ({ ...kept, translated })),
        );
        break;
      }
      case "translate":
        if (this.#chosen) this.#translate(order);
        else this.#tell(order);
        break;
      case "remove":
        void this.#attempt(
          this.#kept.changeRecording(order.recording, (kept) => ({ ...kept, removed: Date.now() })),
        );
        break;
      case "restore":
        void this.#attempt(
          this.#kept.changeRecording(order.recording, ({ removed: _, ...kept }) => kept),
        );
        break;
      case "erase":
        void this.#kept.erase(order.recording);
        break;
      case "room":
        this.#tell({ kind: "room", bytes: order.bytes });
        break;
    }
  }

  async #take(delivery: Delivery): Promise<OutboxReceipt> {
    try {
      if (delivery.kind === "recording") {
        this.#await(await this.#kept.putRecording(delivery.recording));
        return { problem: null };
      }
      const { utterance, picture } = delivery;
      if (this.#interim?.recording === utterance.recording && utterance.state !== "open") {
        this.#interim.controller.abort();
      }
      const sent = utterance.state === "open" && this.#sendInterim(utterance, picture);
      await this.#kept.putUtterance(utterance, picture);
      if (utterance.state === "waiting") this.#enqueue(utterance);
      return { problem: null, sent };
    } catch (error) {
      return {
        problem: isFull(error) ? FULL : `this browser cannot keep pictures: ${error}`,
      };
    }
  }

  /** Asks for interim words unless anything else waits, and returns whether the picture leaves. */
  #sendInterim(utterance: Utterance, picture: Uint8Array<ArrayBuffer>): boolean {
    const busy = this.#interim !== null || this.#unanswered.size > 0;
    if (!this.#isHeard() || busy || this.#held || Date.now() < this.#nextInterim) return false;
    const interim = { recording: utterance.recording, controller: new AbortController() };
    this.#interim = interim;
    void this.#transcribeInterim(utterance, picture, interim.controller.signal).finally(() => {
      if (this.#interim === interim) this.#interim = null;
    });
    return !this.#service?.device;
  }

  async #transcribeInterim(
    utterance: Utterance,
    picture: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, recording, wishes } = utterance;
    // A language that is known lets the service take a model that knows no other.
    const language = wishes.language || (this.#languages.get(recording) ?? "");
    const asked = { ...utterance, wishes: { ...wishes, language } };
    const result = await this.#ask(asked, picture, signal);
    if (signal.aborted || result.kind === "recalled") return;
    if (result.kind === "answered") {
      this.#tell({ kind: "interim", utterance: id, text: result.answer.text });
    } else {
      const after = "after" in result ? result.after : null;
      this.#nextInterim = Date.now() + (after ?? LONGEST_WAIT);
    }
  }

  #tell(change: Change): void {
    this.#follow(change);
    this.#changes.postMessage(change);
  }

  /** Notes what any tab tells, this one too: interim words are for when nothing else waits. */
  #follow(change: Change): void {
    this.#kept.follow(change);
    if (change.kind === "utterance") {
      const { id, recording, state, answer, problem } = change.utterance;
      // What waits for the service keeps nothing from being heard here.
      if (state === "waiting" && problem === null) this.#unanswered.set(id, recording);
      else this.#unanswered.delete(id);
      if (answer?.language) this.#languages.set(recording, answer.language);
    } else if (change.kind === "removed") {
      for (const [id, recording] of this.#unanswered) {
        if (recording === change.recording) this.#unanswered.delete(id);
      }
      this.#drop(change.recording);
    } else if (change.kind === "held") {
      this.#held = change.hold !== null;
    } else if (change.kind === "wake") {
      this.#held = false;
    } else if (change.kind === "service") {
      this.#adopt(change);
    }
  }

  /** Has those hear who are to from now on, as the page of any tab found out. */
  #adopt(order: ServiceOrder): void {
    const before = this.#service;
    // What somebody chose in another tab has not come to that one yet.
    if (before && order.choice < before.choice && order.hears !== "device") return;
    if (JSON.stringify(order) === JSON.stringify(before)) return;
    this.#service = order;
    hearWith(order);
    if (order.device || isDeaf(order)) {
      this.#leaving.abort();
      this.#leaving = new AbortController();
    }
    this.#locked = this.#held = false;
    this.#nextInterim = 0;
    for (const utterance of this.#beyond.values()) this.#enqueue(utterance);
    if (this.#chosen) this.#wake();
  }

  /** Whether anybody hears. */
  #isHeard(): boolean {
    return this.#service !== null && !isDeaf(this.#service);
  }

  /** Has whoever hears at this moment hear a picture, and notes if it leaves; see `transcribe`. */
  async #ask(
    utterance: Utterance,
    picture: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<Heard> {
    const service = this.#service;
    if (!service || isDeaf(service)) return { kind: "recalled", leaves: false };
    if (service.device) {
      return { ...(await transcribe(service, utterance, picture, signal)), leaves: false };
    }
    const leaving = this.#leaving.signal;
    const result = await transcribe(
      service,
      utterance,
      picture,
      AbortSignal.any([signal, leaving]),
    );
    const isSettled = result.kind === "answered" || result.kind === "refused";
    if (!isSettled && utterance.state !== "open" && !hasLeft(utterance)) {
      // It may have, as far as anybody knows here.
      const leave = (kept: Utterance) => ({ ...kept, left: true });
      await this.#attempt(this.#kept.changeUtterance(utterance.id, leave));
    }
    const isRecalled = leaving.aborted && result.kind === "later";
    return { ...(isRecalled ? { kind: "recalled" } : result), leaves: true };
  }

  #hear(change: Change): void {
    this.#follow(change);
    if (change.kind === "utterance") {
      // Without locks, each tab sends what it heard itself.
      if (navigator.locks && change.utterance.state === "waiting") this.#enqueue(change.utterance);
    } else if (change.kind === "recording") {
      this.#await(change.recording);
    } else if (change.kind === "wake" && this.#chosen) {
      this.#unlock();
    } else if (change.kind === "translate" && this.#chosen) {
      this.#translate(change);
    }
  }

  /** Waits until nobody hears a recording any more; if it has no end then, it was broken off. */
  #await({ id, ended }: Recording): void {
    if (ended !== false || !this.#chosen) return;
    void navigator.locks?.request(hearingLock(id), () => this.#finish(id));
  }

  /** Ends a recording that was broken off; what was being said then is sent as it is. */
  async #finish(id: string): Promise<void> {
    const recording = await this.#database.get("recordings", id);
    if (recording?.ended !== false) return;
    const utterances = await this.#database.getAllFromIndex("segments", "recording", id);
    const seconds = Math.max(0, ...utterances.map(({ end }) => end));
    const isFile = recording.kind === "file";
    const place = isFile ? ` ${heardUntil(seconds, recording.total)}` : "";
    const problem = `it was broken off${place}`;
    const ended = { seconds, ended: true, interrupted: isFile, problem };
    await this.#kept.changeRecording(id, (kept) => ({ ...kept, ...ended }));
    for (const open of utterances.filter(({ state }) => state === "open")) {
      const waiting = await this.#kept.changeUtterance(open.id, (kept) => ({
        ...kept,
        state: "waiting",
      }));
      if (waiting) this.#enqueue(waiting);
    }
  }

  #enqueue(utterance: Utterance): void {
    if (!this.#chosen || this.#sending.has(utterance.id)) return;
    this.#beyond.delete(utterance.id);
    if (this.#waiting.some(({ id }) => id === utterance.id)) return;
    this.#waiting.push(utterance);
    this.#waiting.sort(byUrgency);
    this.#send();
  }

  /** Tries at once, whatever kept it from sending: somebody may have signed in, maybe elsewhere. */
  #unlock(): void {
    this.#locked = this.#held = false;
    if (this.#chosen) this.#wake();
    else this.#tell({ kind: "wake" });
  }

  #wake(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#translations.wake();
    this.#send();
  }

  #send(): void {
    // While the service fails, one picture at a time finds out whether it still does.
    const room = this.#failures ? 1 : IN_FLIGHT;
    if (!this.#isHeard() || this.#locked || this.#pause !== undefined) return;
    while (this.#sending.size < room && this.#waiting.length) {
      const utterance = this.#waiting.shift() as Utterance;
      const controller = new AbortController();
      this.#sending.set(utterance.id, { recording: utterance.recording, controller });
      void this.#transcribe(utterance.id, controller.signal);
    }
    if (!this.#sending.size && !this.#waiting.length) {
      void this.#translations.send(() => this.#send());
    }
  }

  async #transcribe(id: string, signal: AbortSignal): Promise<void> {
    // What is wanted of it may be other than when it came to wait.
    const utterance = await this.#database.get("segments", id);
    if (!utterance) {
      this.#sending.delete(id);
      this.#send();
      return;
    }
    const picture = await this.#database.get("pictures", id);
    const sent = Date.now();
    const result: Heard = picture
      ? await this.#ask(utterance, picture, signal)
      : { kind: "refused", reason: "its picture is gone", leaves: false };
    this.#sending.delete(utterance.id);
    if (!signal.aborted) await this.#settle({ ...utterance, sent: utterance.sent ?? sent }, result);
    this.#send();
  }

  async #settle(utterance: Utterance, result: Heard): Promise<void> {
    if (result.kind === "recalled") {
      this.#enqueue(utterance);
      return;
    }
    const isExtra = utterance.joins && !utterance.before;
    if (isExtra && (result.kind === "later" || result.kind === "spent")) {
      await this.#passOver(utterance, result);
      return;
    }
    if (result.kind === "later" || result.kind === "spent" || result.kind === "locked") {
      this.#waiting.unshift(utterance);
      this.#waiting.sort(byUrgency);
      this.#hold(result);
      return;
    }
    if (this.#failures || this.#locked) this.#tell({ kind: "held", hold: null });
    this.#failures = 0;
    try {
      const settled = await this.#kept.changeUtterance(utterance.id, (kept) =>
        heardAs(kept, utterance, result, result.leaves),
      );
      if (settled?.state !== "waiting") return;
      // Somebody may want it otherwise by now, or somebody else hears.
      if (settled.problem === null || !this.#service?.device) this.#enqueue(settled);
      else this.#beyond.set(settled.id, settled);
    } catch (error) {
      if (!isFull(error)) throw error;
      this.#waiting.unshift(utterance);
      this.#hold({ kind: "later", reason: FULL, after: null });
    }
  }

  /** Settles words that are there already another time, once, or never: nothing waits for that. */
  async #passOver(
    utterance: Utterance,
    result: Outcome & { kind: "later" | "spent" },
  ): Promise<void> {
    if (result.kind === "spent" || this.#passedOver.delete(utterance.id)) {
      const settled = { state: "refused", problem: result.reason, sent: utterance.sent } as const;
      await this.#kept.changeUtterance(utterance.id, (kept) => ({ ...kept, ...settled }));
      return;
    }
    this.#passedOver.add(utterance.id);
    this.#unanswered.delete(utterance.id);
    setTimeout(async () => {
      const kept = await this.#database.get("segments", utterance.id);
      if (kept?.state === "waiting") this.#enqueue(kept);
    }, result.after ?? LONGEST_WAIT);
  }

  /** Says so where something that somebody did finds no room. */
  async #attempt(change: Promise<unknown>): Promise<void> {
    try {
      await change;
    } catch (error) {
      const reason = isFull(error) ? FULL : `this browser cannot keep it: ${error}`;
      this.#tell({ kind: "held", hold: { cause: "failure", reason } });
    }
  }

  /** Sends pictures once more, for other words: those that are there stand until then. */
  async #transcribeAgain(ids: string[], wishes: OtherWishes): Promise<void> {
    for (const id of ids) {
      const waiting = await this.#kept.changeUtterance(id, (kept) =>
        toBeTranscribedAgain(kept, wishes),
      );
      if (waiting?.state === "waiting") this.#enqueue(waiting);
    }
  }

  #translate(order: TranslationOrder): void {
    this.#translations.want(order);
    this.#send();
  }

  async #keepTranslation(
    asked: Utterance,
    translation: Translation,
    leaves: boolean,
  ): Promise<void> {
    await this.#kept.changeUtterance(asked.id, (kept) =>
      translated(kept, asked, translation, leaves),
    );
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
    const again = await this.#kept.changeUtterance(id, (utterance) =>
      utterance.state === "refused" ? { ...utterance, state: "waiting", problem: null } : utterance,
    );
    if (again?.state === "waiting") this.#enqueue(again);
  }

  /** Sends nothing more of a recording. */
  #drop(recording: string): void {
    this.#waiting = this.#waiting.filter((utterance) => utterance.recording !== recording);
    for (const [id, beyond] of this.#beyond) {
      if (beyond.recording === recording) this.#beyond.delete(id);
    }
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

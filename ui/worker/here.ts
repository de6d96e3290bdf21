/** Has this device turn pictures into words, as the service would. */

import {
  type Asked,
  type DeviceModel,
  type EngineOrder,
  type EngineReport,
  FAILED,
} from "../shared/device-models";
import type { Utterance } from "../shared/messages";
import { type Outcome, PATIENCE, placeIn, readAnswer, type VerboseJson } from "./request";

/** Time after which what may be otherwise is tried again, in milliseconds. */
const AGAIN = 30_000;
/** How often a picture may end the engine before it is not tried again: others wait. */
const MOST_ENDED = 2;
const ENDS = "the model on this device fails at this picture";

type Report = Extract<EngineReport, { id: number }>;

/** How often pictures have ended the engine. */
const ended = new Map<string, number>();
/** By the models that they run: a worker gives memory back only when it ends. */
const engines = new Map<string, Engine>();

/**
 * Hears one picture here; that of an open utterance for interim words.
 *
 * @param signal - gives it up
 */
export async function transcribeHere(
  model: DeviceModel,
  { wishes, state, type, ...utterance }: Utterance,
  picture: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<Outcome> {
  const { language, task, keywords = [] } = wishes;
  const prompt = keywords.join(", ");
  const interim = state === "open";
  const asked = { picture, type, language, task, prompt, interim };
  const report = await engineOf(model).hear(asked, signal);
  if (report.kind === "heard") {
    const place = placeIn({ ...utterance, wishes, state, type });
    return { kind: "answered", answer: readAnswer(report.transcript as VerboseJson, place) };
  }
  if (report.broken === "hearing") {
    const times = (ended.get(utterance.id) ?? 0) + 1;
    ended.set(utterance.id, times);
    if (times >= MOST_ENDED) return { kind: "refused", reason: ENDS };
  }
  const { problem: reason, passing } = report;
  return passing ? { kind: "later", reason, after: AGAIN } : { kind: "refused", reason };
}

/** Ends what runs another model than this one, or any if null, unless something is asked of it. */
export function keepOnly(model: DeviceModel | null): void {
  for (const [key, engine] of engines) {
    if (engine.rests && key !== (model && keyOf(model))) engine.end();
  }
}

function engineOf(model: DeviceModel): Engine {
  const key = keyOf(model);
  const engine = engines.get(key) ?? new Engine(model, () => engines.delete(key));
  engines.set(key, engine);
  return engine;
}

function keyOf({ files }: DeviceModel): string {
  return JSON.stringify(files);
}

/** A worker that runs a model, and hears one picture after the other. */
class Engine {
  readonly #model: DeviceModel;
  readonly #done: () => void;
  readonly #worker = new Worker(new URL("./engine.ts", import.meta.url), {
    type: "module",
    name: "engine",
  });
  readonly #answers = new Map<number, (report: Report) => void>();
  #asked = 0;
  #patience: ReturnType<typeof setTimeout> | undefined;

  /** `done` is called when it ends. */
  constructor(model: DeviceModel, done: () => void) {
    this.#model = model;
    this.#done = done;
    this.#worker.onmessage = ({ data: report }: MessageEvent<EngineReport>) => {
      if (!("id" in report)) return;
      this.#settle(report);
      if (report.kind === "failed" && report.broken) this.end();
      else this.#wait();
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#break();
    };
  }

  /** Whether nothing is asked of it. */
  get rests(): boolean {
    return !this.#answers.size;
  }

  hear(asked: Asked, signal: AbortSignal): Promise<Report> {
    const id = this.#asked++;
    const stop = () => this.#tell({ kind: "stop", id });
    signal.addEventListener("abort", stop);
    return new Promise((resolve) => {
      this.#answers.set(id, (report) => {
        signal.removeEventListener("abort", stop);
        resolve(report);
      });
      this.#tell({ kind: "hear", id, model: this.#model, asked });
      if (this.#answers.size === 1) this.#wait();
    });
  }

  /** Ends it, so that it begins anew; what it was asked comes again. */
  end(): void {
    clearTimeout(this.#patience);
    this.#worker.terminate();
    this.#done();
    for (const id of this.#answers.keys()) {
      this.#settle({ kind: "failed", id, problem: FAILED, passing: true, broken: null });
    }
  }

  /** Ends it for the picture that it is at: they are heard in their order. */
  #break(): void {
    const [id] = this.#answers.keys();
    if (id !== undefined) {
      this.#settle({ kind: "failed", id, problem: FAILED, passing: true, broken: "hearing" });
    }
    this.end();
  }

  /** Drivers may be silent for ever. */
  #wait(): void {
    clearTimeout(this.#patience);
    if (!this.rests) this.#patience = setTimeout(() => this.#break(), PATIENCE);
  }

  #settle(report: Report): void {
    this.#answers.get(report.id)?.(report);
    this.#answers.delete(report.id);
  }

  #tell(order: EngineOrder): void {
    this.#worker.postMessage(order);
  }
}

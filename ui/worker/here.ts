/** Has this device turn pictures into words, as the service would. */

import {
  type DeviceModel,
  type EngineOrder,
  type EngineReport,
  FAILED,
} from "../shared/device-models";
import type { Utterance } from "../shared/messages";
import { type Outcome, placeIn, readAnswer, type VerboseJson } from "./request";

/** Time after which what may be otherwise is tried again, in milliseconds. */
const AGAIN = 30_000;
/** How often a picture may end the engine before it is not tried again: others wait. */
const MOST_ENDED = 2;
const ENDS = "the model on this device fails at this picture";

/** How often pictures have ended the engine. */
const ended = new Map<string, number>();

let engine: Worker | null = null;
let asked = 0;
const answers = new Map<number, (report: EngineReport & { id: number }) => void>();

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
  engine ??= begin();
  const id = asked++;
  const answered = new Promise<EngineReport & { id: number }>((resolve) =>
    answers.set(id, resolve),
  );
  const { language, task, keywords = [] } = wishes;
  const prompt = keywords.join(", ");
  const interim = state === "open";
  tell({ kind: "hear", id, model, asked: { picture, type, language, task, prompt, interim } });
  const stop = () => tell({ kind: "stop", id });
  signal.addEventListener("abort", stop);
  const report = await answered;
  signal.removeEventListener("abort", stop);
  answers.delete(id);
  if (report.kind === "heard") {
    const place = placeIn({ ...utterance, wishes, state, type });
    return { kind: "answered", answer: readAnswer(report.transcript as VerboseJson, place) };
  }
  if (report.kind !== "failed") return { kind: "refused", reason: "" };
  if (report.broken === "hearing") {
    const times = (ended.get(utterance.id) ?? 0) + 1;
    ended.set(utterance.id, times);
    if (times >= MOST_ENDED) return { kind: "refused", reason: ENDS };
  }
  const { problem: reason, passing } = report;
  return passing ? { kind: "later", reason, after: AGAIN } : { kind: "refused", reason };
}

function tell(order: EngineOrder): void {
  engine?.postMessage(order);
}

function begin(): Worker {
  const worker = new Worker(new URL("./engine.ts", import.meta.url), {
    type: "module",
    name: "engine",
  });
  worker.onmessage = ({ data: report }: MessageEvent<EngineReport>) => {
    if (!("id" in report)) return;
    answers.get(report.id)?.(report);
    answers.delete(report.id);
    if (report.kind === "failed" && report.broken) end();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    // They are heard in their order.
    const [first] = answers;
    first?.[1]({ kind: "failed", id: first[0], problem: FAILED, passing: true, broken: "hearing" });
    end();
  };
  /** What broke is begun anew; what it was asked comes again. */
  const end = () => {
    worker.terminate();
    if (engine === worker) engine = null;
    for (const [id, settle] of answers) {
      settle({ kind: "failed", id, problem: FAILED, passing: true, broken: null });
    }
    answers.clear();
  };
  return worker;
}

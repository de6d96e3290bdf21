/** Has this device turn pictures into words, as the service would. */

import type { DeviceModel, EngineOrder, EngineReport } from "../shared/device-models";
import type { Utterance } from "../shared/messages";
import { type Outcome, placeIn, readAnswer, type VerboseJson } from "./request";

/** Time after which what may be otherwise is tried again, in milliseconds. */
const AGAIN = 30_000;

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
  const reason = report.kind === "failed" ? report.problem : "";
  const passing = report.kind === "failed" && report.passing;
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
    if ("id" in report) answers.get(report.id)?.(report);
  };
  worker.onerror = (event) => {
    // What crashed is begun anew; what it was asked comes again.
    event.preventDefault();
    engine = null;
    worker.terminate();
    const problem = "the model on this device failed: it is tried again, or use the service";
    for (const [id, settle] of answers) settle({ kind: "failed", id, problem, passing: true });
  };
  return worker;
}

/** How the service is, and what it can do: the traffic light. */

import { signal } from "@preact/signals";
import { ENCODINGS, type Encoding } from "../chain/encoding";
import { isAble } from "../shared/ability";
import type { DeviceModel } from "../shared/device-models";
import type { ListeningTask, MelBins, Task } from "../shared/messages";
import { problemOf } from "../shared/problem";
import { askMe, me, mustSignIn } from "./account";
import { serviceAddress } from "./address";
import { fitting, keywordsIn } from "./keywords";
import { choose, type Settings, settings } from "./settings";

/** A model that is ready, as GET v1/models describes it. */
export interface Model {
  id: string;
  mel_bins: MelBins;
  languages: string[];
  tasks: Task[];
  /** How the service wants small pictures; of other formats than this page's, too. */
  small_picture?: { format: string; quality: number | null };
}

/** What the light shows; `detail` is a sentence for people. */
export interface ServiceState {
  light: "asking" | "up" | "starting" | "locked" | "down" | "failing";
  detail: string;
  /** Whether a fleet sleeps or wakes up. */
  wakes?: boolean;
}

export const serviceState = signal<ServiceState>({
  light: "asking",
  detail: "Asking the service",
});
export const models = signal<Model[]>([]);
/** The model of this device that hears now; null while none does, undefined until that is known. */
export const here = signal<DeviceModel | null | undefined>(hereAtFirst());
/** How often it was found out who hears. */
export const foundOut = signal(0);
/** Whether something is being heard, or waits for its words: then it is asked unseen, too. */
export const awaited = signal(false);

/** Time between two questions, in milliseconds: while all is well, and while it is not. */
const CALM = 15_000;
const EAGER = 3_000;
/** And while somebody has to sign in, which brings the page anew. */
const SELDOM = 60_000;
const PATIENCE = 10_000;

/** Where a response does not say why. */
const SILENT = "nothing answers for it yet";

const UNREACHABLE: ServiceState = {
  light: "down",
  detail: "The service cannot be reached; what you say is kept here",
};

const SIGNED_OUT: ServiceState = {
  light: "locked",
  detail: "Sign in to send",
};

const DEAF: ServiceState = {
  light: "failing",
  detail:
    "This device has no model: fetch one in the settings, or choose the service there; what you say is kept here",
};

let timer: ReturnType<typeof setTimeout> | undefined;
/** What the question that is under way was asked for. */
let asking: Choice | null = null;

/** What changes who hears. */
type Choice = Pick<Settings, "key" | "hears" | "deviceModel">;

/** Whether two settings have the same hear. */
export function areSameChoice(one: Choice, other: Choice): boolean {
  const { key, hears, deviceModel } = other;
  return one.key === key && one.hears === hears && one.deviceModel === deviceModel;
}

/**
 * Asks the service how it is, now and from time to time while the page can be seen, or while this
 * device hears for it and somebody waits for words.
 *
 * @param unseen - whether to ask now in any case
 */
export async function watchService(unseen = false): Promise<void> {
  clearTimeout(timer);
  const choice = settings.peek();
  if (document.hidden && !unseen && !(awaited.peek() && choice.hears === "asleep")) return;
  if (asking && areSameChoice(asking, choice)) return;
  asking = choice;
  // Who chose otherwise meanwhile had it asked anew.
  const isLatest = () => asking === choice && areSameChoice(choice, settings.peek());
  const state = await whoHears(isLatest);
  const counts = isLatest();
  if (asking === choice) asking = null;
  if (!counts) return;
  const { light, detail } = serviceState.peek();
  if (light !== state.light || detail !== state.detail) serviceState.value = state;
  foundOut.value += 1;
  clearTimeout(timer);
  timer = setTimeout(
    () => void watchService(),
    state === SIGNED_OUT ? SELDOM : state.light === "up" && !asleep() ? CALM : EAGER,
  );
}

document.addEventListener("visibilitychange", () => void watchService());
awaited.subscribe((isAwaited) => {
  if (isAwaited && settings.peek().hears === "asleep") void watchService();
});

/** Who hears before anybody was asked: what waits from before goes nowhere else meanwhile. */
function hereAtFirst(): DeviceModel | null | undefined {
  const { hears, deviceModel } = settings.peek();
  if (hears === "asleep" && deviceModel) return undefined;
  return hears === "device" ? deviceModel : null;
}

/** Whether this device hears only until the service is up. */
function asleep(): boolean {
  return Boolean(here.peek()) && settings.peek().hears === "asleep";
}

/**
 * Finds out who hears, and how they are; where this device alone does, nobody is asked.
 *
 * @param isLatest - whether what is found out still counts
 */
async function whoHears(isLatest: () => boolean): Promise<ServiceState> {
  const { hears, deviceModel } = settings.peek();
  if (hears === "device") {
    // At once: what waits is sent nowhere else meanwhile.
    here.value = deviceModel;
    if (models.peek()[0] !== deviceModel) models.value = deviceModel ? [deviceModel] : [];
    if (!deviceModel) return DEAF;
    return { light: "up", detail: `Ready on this device: ${deviceModel.id}; nothing is sent` };
  }
  const asked = await ask(isLatest).catch(() => UNREACHABLE);
  if (!isLatest()) return asked;
  const absent = asked.light === "starting" || asked.light === "down";
  const mine = hears === "asleep" && absent ? deviceModel : null;
  const before = here.peek() ?? null;
  here.value = mine;
  // One that was fetched again is another.
  if (mine !== before) {
    models.value = mine ? [mine] : [];
    if (!mine && asked.light === "up") await askModels(isLatest);
  }
  if (!mine) return asked;
  return { light: "up", detail: `Ready on this device: ${mine.id} until the service is up` };
}

/** Returns what pictures sent now are to be, and what is wanted of them. */
export function wishes(): ListeningTask["wishes"] {
  const { model, language, task, picture, privacy, melBins, keywords } = settings.peek();
  const expected = fitting(keywordsIn(keywords));
  const ready = models.peek();
  // Pictures that stay here need not be small.
  const format = here.peek() ? "png" : picture;
  const chosen = ready.find(({ id }) => id === model) ?? ready[0];
  // What is beyond this device waits for the service, and is to be as high as that takes it.
  const mine = asleep() && here.peek();
  const waits = mine && !isAble(mine, language, task);
  return {
    model: ready.some(({ id }) => id === model) ? model : "",
    language,
    task,
    encoding: format === "small" ? smallEncoding(chosen) : ENCODINGS[format],
    melBins: (!waits && chosen?.mel_bins) || melBins,
    privacy,
    ...(expected.length && { keywords: expected }),
  };
}

/** Returns a model that is ready and can what is wanted, "" if only others can, null if none. */
export function modelThat(can: (model: Model) => boolean, preferred: string): string | null {
  const ready = models.value;
  if (!ready.length) return preferred;
  const able = ready.filter(can);
  if (!able.length) return null;
  return able.some(({ id }) => id === preferred) ? preferred : "";
}

/** Whether a model writes words in English of what is said in other languages. */
export function translates({ tasks }: Model): boolean {
  return tasks.includes("translate");
}

function smallEncoding(model: Model | undefined): Encoding {
  const { format, quality } = model?.small_picture ?? {};
  return format === "webp" && typeof quality === "number" ? { format, quality } : ENCODINGS.small;
}

async function ask(isLatest: () => boolean): Promise<ServiceState> {
  if (!me.peek() || mustSignIn()) await askMe();
  if (mustSignIn()) return SIGNED_OUT;
  const response = await get("mel");
  if (response.status === 401 || response.status === 403) {
    await askMe();
    if (mustSignIn()) return SIGNED_OUT;
    const detail = me.peek()?.sign_in
      ? `The service refuses: ${(await problemOf(response))?.message ?? SILENT}`
      : "The service asks for a key: Settings has a place for it";
    return { light: "locked", detail };
  }
  if (!response.ok) {
    const problem = await problemOf(response);
    const wakes = problem?.code === "asleep" || problem?.code === "starting";
    const detail = `The service is starting: ${problem?.message ?? SILENT}`;
    return { light: "starting", detail, wakes };
  }
  const states = Object.entries(
    ((await response.json()) as { models: Record<string, string> }).models,
  );
  const ready = states.filter(([, state]) => state === "ready").map(([name]) => name);
  if (!ready.length) {
    const loading = states.filter(([, state]) => state !== "failed").map(([name]) => name);
    return loading.length
      ? {
          light: "starting",
          detail: `The service is loading its model ${loading.join(", ")}`,
        }
      : {
          light: "down",
          detail: "The service could not load its model; its log says why",
        };
  }
  if (
    models
      .peek()
      .map(({ id }) => id)
      .sort()
      .join() !== ready.sort().join()
  )
    await askModels(isLatest);
  return {
    light: "up",
    detail: `Ready: ${models
      .peek()
      .map(({ id }) => id)
      .join(", ")}`,
  };
}

async function askModels(isLatest: () => boolean): Promise<void> {
  const response = await get("v1/models");
  if (!response.ok) return;
  const { data } = (await response.json()) as { data: Model[] };
  if (!isLatest()) return;
  models.value = data;
  choose({ melBins: wishes().melBins });
}

function get(path: string): Promise<Response> {
  const { key } = settings.peek();
  return fetch(new URL(path, serviceAddress), {
    headers: { Accept: "application/json", ...(key && { Authorization: `Bearer ${key}` }) },
    signal: AbortSignal.timeout(PATIENCE),
  });
}

/** What the user chose, remembered in this browser. */

import { type Signal, signal } from "@preact/signals";
import type { Privacy } from "../chain/disguise";
import type { PictureChoice } from "../chain/encoding";
import type { DeviceModel } from "../shared/device-models";
import type { Hears, MelBins, Task } from "../shared/messages";
import { type Layout, USUAL_LAYOUT } from "./subtitles";

export type { Hears };
export type Theme = "auto" | "light" | "dark";

/** Every setting; docs/page.md describes them. */
export interface Settings {
  /** Name of a model; "" for whichever the service thinks best. */
  model: string;
  /** ISO 639-1 code; "" to have it detected. */
  language: string;
  task: Task;
  /** Names and words to expect, as they were typed. */
  keywords: string;
  picture: PictureChoice;
  /** How much of the voice is kept out of the pictures. */
  privacy: Privacy;
  hears: Hears;
  /** How often somebody chose that: of two tabs, the one that knows more of it is believed. */
  choice: number;
  /** The model that this device has; null for none. */
  deviceModel: DeviceModel | null;
  /** Whether the page offers one by itself while the service wakes up. */
  offersDevice: boolean;
  /** Id of the microphone; "" for the system's choice. */
  microphone: string;
  /** Whether the microphone hears while the space bar is held. */
  pushToTalk: boolean;
  /** Whether the sound of what is heard is kept on this device. */
  keepsSound: boolean;
  /** Shape of the subtitles that are saved. */
  subtitles: Layout;
  /** Megabytes of pictures that are kept at most; 0 for as many as there is room for. */
  keptPictures: number;
  theme: Theme;
  /** Whether keys do what buttons do. */
  shortcuts: boolean;
  /** The key of a service that asks for one. */
  key: string;
  /** Height of the pictures that the service took when it was last seen. */
  melBins: MelBins;
}

const DEFAULTS: Settings = {
  model: "",
  language: "",
  task: "transcribe",
  keywords: "",
  picture: "png",
  privacy: "off",
  hears: "service",
  choice: 0,
  deviceModel: null,
  offersDevice: true,
  microphone: "",
  pushToTalk: false,
  keepsSound: false,
  subtitles: USUAL_LAYOUT,
  keptPictures: 1_000,
  theme: "auto",
  shortcuts: true,
  key: "",
  melBins: 80,
};

const STORED = "hush-settings";

function read(): Settings {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(STORED) ?? "{}") };
  } catch {
    return DEFAULTS;
  }
}

export const settings: Signal<Settings> = signal(read());
/** What another tab has written: it is not written once more. */
let another: Settings | null = null;

settings.subscribe((current) => {
  const { theme } = current;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  if (current === another) return;
  try {
    localStorage.setItem(STORED, JSON.stringify(current));
  } catch {
    // A browser that remembers nothing still works.
  }
});

// One tab sends what all of them heard: what is chosen in any counts in each.
addEventListener("storage", ({ key }) => {
  if (key !== STORED) return;
  another = read();
  settings.value = another;
});

/** Changes some settings, and remembers them. */
export function choose(changes: Partial<Omit<Settings, "choice">>): void {
  const { choice } = settings.value;
  const chosen = "hears" in changes ? choice + 1 : choice;
  settings.value = { ...settings.value, ...changes, choice: chosen };
}

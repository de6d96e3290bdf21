/** Keeps the screen on while somebody is listened to: devices that sleep hear nothing. */

import { effect } from "@preact/signals";
import { files, microphone } from "./listening";

let lock: WakeLockSentinel | null = null;
let wanted = false;

/** Begins to keep the device awake whenever it listens. */
export function keepAwake(): void {
  effect(() => {
    const mic = microphone.value;
    const hears = mic.state === "on" && !mic.paused;
    const reads = files.value.some(({ state }) => state === "listening");
    if (wanted === (hears || reads)) return;
    wanted = !wanted;
    void hold();
  });
  // Browsers take it away while the page cannot be seen.
  document.addEventListener("visibilitychange", () => void hold());
}

async function hold(): Promise<void> {
  if (!wanted) {
    const held = lock;
    lock = null;
    await held?.release();
  } else if (!document.hidden && (!lock || lock.released)) {
    try {
      lock = await navigator.wakeLock?.request("screen");
      if (!wanted) await hold();
    } catch {
      // With a battery that is nearly empty, nobody is kept awake.
    }
  }
}

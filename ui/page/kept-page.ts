/** Has the browser keep the page, for when there is no network, and tells of newer versions. */

import { signal } from "@preact/signals";

/** Time until that begins, in milliseconds: first comes whatever is needed to listen. */
const AFTER = 4_000;
/** Time between two looks for a newer version: pages stay open for long. */
const LOOK_EVERY = 3_600_000;

/** A newer version, ready to take this one's place. */
export const newVersion = signal<ServiceWorker | null>(null);

/** Keeps the page, where browsers do that: over https, and on localhost. */
export function keepPage(): void {
  if (!import.meta.env.PROD || !navigator.serviceWorker) return;
  setTimeout(() => keep().catch(() => {}), AFTER);
}

async function keep(): Promise<void> {
  const { serviceWorker } = navigator;
  const registration = await serviceWorker.register("sw.js", { updateViaCache: "none" });
  const tell = (worker: ServiceWorker | null) => {
    // Without one before it, it is this version.
    if (worker && serviceWorker.controller) newVersion.value = worker;
  };
  tell(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => {
      if (worker.state === "installed") tell(worker);
    });
  });
  setInterval(() => registration.update().catch(() => {}), LOOK_EVERY);
}

/** Loads the page anew, in its newer version. */
export function takeNewVersion(): void {
  const worker = newVersion.peek();
  // Another tab may have taken it already.
  if (worker?.state !== "installed") location.reload();
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
  worker?.postMessage("take over");
}

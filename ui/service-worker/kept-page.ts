/** Keeps the built page, so that it opens without a network; of the service, it keeps nothing. */

/** The page's files with their digests, and one of them all: vite.config.ts knows them. */
declare const FILES: Record<string, string>;
declare const VERSION: string;

const worker = self as unknown as ServiceWorkerGlobalScope;

const NAME = "hush-page-";
const CURRENT = `${NAME}${VERSION}`;
/** Files that have a digest in their name are what they were, in every version. */
const HASHED = "assets/";
const SCOPE = new URL("./", worker.location.href);

worker.addEventListener("install", (event) => event.waitUntil(keep()));
worker.addEventListener("activate", (event) => event.waitUntil(takeOver()));
worker.addEventListener("message", (event) => {
  if (event.data === "take over") void worker.skipWaiting();
});
worker.addEventListener("fetch", (event) => {
  const file = fileOf(event.request);
  if (file !== null) event.respondWith(answer(file, event.request));
});

async function keep(): Promise<void> {
  const cache = await caches.open(CURRENT);
  await Promise.all(
    Object.entries(FILES).map(async ([file, integrity]) => {
      const hashed = file.startsWith(HASHED);
      const known = hashed ? await caches.match(file, { ignoreVary: true }) : undefined;
      // While a new version is being put up, some files may still be of the one before.
      const fresh = () => fetch(file, { integrity, cache: hashed ? "default" : "no-cache" });
      await cache.put(file, known ?? (await fresh()));
    }),
  );
}

async function takeOver(): Promise<void> {
  const others = (await caches.keys()).filter((name) => name.startsWith(NAME) && name !== CURRENT);
  // The version before stays, for tabs that show it and have not fetched all of it.
  await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** Returns which file of the page is asked for; null where it is none. */
function fileOf({ method, mode, url }: Request): string | null {
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== SCOPE.origin || !pathname.startsWith(SCOPE.pathname)) {
    return null;
  }
  const path = pathname.slice(SCOPE.pathname.length);
  // Only browsers get the page there: to other questions, the service answers.
  if (path === "") return mode === "navigate" ? "index.html" : null;
  return path.startsWith(HASHED) || Object.hasOwn(FILES, path) ? path : null;
}

async function answer(file: string, request: Request): Promise<Response> {
  const cache = await caches.open(CURRENT);
  const kept = await cache.match(file, { ignoreVary: true });
  return kept ?? (await caches.match(file, { ignoreVary: true })) ?? fetch(request);
}

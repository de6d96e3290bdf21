// A model's files from the page's own origin into this browser's storage: what broke off goes on
// where it stopped, and nothing is kept whose digest is another.

import {
  type DeviceFile,
  type DeviceModel,
  keptFile,
  MODELS,
  placeOf,
} from "../shared/device-models";

/** Told of a failure in one sentence. */
export class FetchError extends Error {}

/**
 * Fetches what is not here of a model.
 *
 * @param address - of the service
 * @param progress - is told of bytes that are here
 * @throws FetchError if that fails, with what to do about it
 */
export async function fetchModel(
  address: string,
  model: DeviceModel,
  progress: (bytes: number) => void,
): Promise<void> {
  try {
    let before = 0;
    for (const file of Object.values(model.files)) {
      const told = (bytes: number) => progress(before + bytes);
      if (!(await keptFile(file)))
        await fetchFile(new URL(MODELS + file.path, address), file, told);
      before += file.bytes;
      progress(before);
    }
  } catch (error) {
    throw error instanceof FetchError ? error : new FetchError(reason(error));
  }
}

async function fetchFile(
  address: URL,
  file: DeviceFile,
  progress: (bytes: number) => void,
): Promise<void> {
  const place = await placeOf(file, true);
  const part = await place.createSyncAccessHandle();
  let broken = true;
  try {
    let size = part.getSize();
    if (size >= file.bytes) size = 0;
    const response = await fetch(address, {
      cache: "no-store",
      headers: size ? { Range: `bytes=${size}-` } : {},
    });
    if (!response.ok || !response.body) {
      throw new FetchError(
        `the service has no ${file.path} (${response.status}): try again, or use the service`,
      );
    }
    if (response.status !== 206) size = 0;
    part.truncate(size);
    for await (const chunk of response.body) {
      part.write(chunk, { at: size });
      size += chunk.length;
      progress(size);
    }
    if (size < file.bytes) throw new TypeError("it ended early");
    broken = false;
    const bytes = new Uint8Array(size);
    part.read(bytes, { at: 0 });
    if ((await digestOf(bytes)) !== file.sha256) {
      part.truncate(0);
      throw new FetchError(
        "what came is not what the service announced: it is not kept; try again",
      );
    }
    const kept = await (await placeOf(file)).createSyncAccessHandle();
    try {
      kept.truncate(0);
      kept.write(bytes, { at: 0 });
      kept.flush();
    } finally {
      kept.close();
    }
    part.truncate(0);
  } finally {
    if (broken) part.flush();
    part.close();
  }
}

/** Returns the SHA-256 digest of bytes, in hexadecimal. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Says in a sentence why something could not be fetched or kept. */
function reason(error: unknown): string {
  if (error instanceof DOMException) {
    if (error.name === "QuotaExceededError")
      return "this device is full: make room on it and try again, or use the service";
    if (error.name === "NoModificationAllowedError")
      return "another tab fetches it already: wait for that one";
    return "this browser keeps no files for this page (a private window?): use the service";
  }
  return "the download broke off: try again, and it goes on where it stopped";
}

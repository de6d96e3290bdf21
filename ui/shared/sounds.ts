/** Sounds that are kept by choice: a file for each recording, where only this origin sees it. */

/** Speech of all that pictures show, in bits a second: 11 MB an hour. */
export const SOUND_BITRATE = 24_000;

const FOLDER = "sounds";
const ENDING = ".ogg";

/** Returns the folder of sounds; null where the browser has none, or there is none yet. */
async function folder(create = false): Promise<FileSystemDirectoryHandle | null> {
  try {
    const root = await navigator.storage?.getDirectory?.();
    return (await root?.getDirectoryHandle(FOLDER, { create })) ?? null;
  } catch (error) {
    if (create) throw error;
    return null;
  }
}

/** Returns where to keep a recording's sound; what was kept there stays until it is written. */
export async function soundPlace(recording: string): Promise<FileSystemFileHandle> {
  const sounds = await folder(true);
  if (!sounds) throw new Error("this browser keeps no files for pages");
  return sounds.getFileHandle(`${recording}${ENDING}`, { create: true });
}

/** Returns a recording's sound, if it was kept. */
export async function keptSound(recording: string): Promise<File | null> {
  try {
    const place = await (await folder())?.getFileHandle(`${recording}${ENDING}`);
    const file = await place?.getFile();
    return file?.size ? file : null;
  } catch {
    return null;
  }
}

/** Returns the bytes of every sound that is kept, by recording. */
export async function soundSizes(): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const handle of (await folder())?.values() ?? []) {
    if (handle.kind !== "file") continue;
    // It may be erased meanwhile.
    const file = await (handle as FileSystemFileHandle).getFile().catch(() => null);
    if (file?.size) sizes.set(handle.name.slice(0, -ENDING.length), file.size);
  }
  return sizes;
}

/** Erases a recording's sound, if there is one. */
export async function eraseSound(recording: string): Promise<void> {
  // What was never kept is gone as well.
  await (await folder())?.removeEntry(`${recording}${ENDING}`).catch(() => {});
}

/** What was dropped on the page: files, and folders, which stand for the recordings in them. */

import { isRecording } from "../shared/recordings";

/** Recordings, and the names of folders that hold none. */
export interface Dropped {
  files: File[];
  empty: string[];
}

/** Returns what was dropped; a folder's recordings come in the order of their names. */
export async function dropped(transfer: DataTransfer): Promise<Dropped> {
  // What is asked for after the event has passed is no longer there.
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory))
    return { files: [...transfer.files], empty: [] };
  const all: Dropped = { files: [], empty: [] };
  for (const entry of entries) {
    if (entry?.isFile) all.files.push(await fileOf(entry as FileSystemFileEntry));
    if (!entry?.isDirectory) continue;
    const found = await recordingsIn(entry as FileSystemDirectoryEntry);
    all.files.push(...found);
    if (!found.length) all.empty.push(entry.name);
  }
  return all;
}

async function recordingsIn(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const found: FileSystemFileEntry[] = [];
  while (true) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (!some.length) break;
    for (const entry of some) {
      if (entry.isFile && isRecording(entry.name) && !entry.name.startsWith(".")) {
        found.push(entry as FileSystemFileEntry);
      }
    }
  }
  found.sort((one, other) => (one.name < other.name ? -1 : 1));
  return Promise.all(found.map(fileOf));
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

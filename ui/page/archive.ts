/** Several files in one: a ZIP archive. */

import { Zip, ZipDeflate } from "fflate";

/** Returns files in an archive; of those with the same name, later ones have a number. */
export async function archive(name: string, files: File[]): Promise<File> {
  const taken = new Set<string>();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  // One file after the other, and the page has its turn between them.
  const zip = new Zip((error, part) => {
    if (error) throw error;
    parts.push(part as Uint8Array<ArrayBuffer>);
  });
  for (const file of files) {
    const entry = new ZipDeflate(freeName(file.name, taken));
    entry.mtime = file.lastModified;
    zip.add(entry);
    entry.push(new Uint8Array(await file.arrayBuffer()), true);
  }
  zip.end();
  return new File(parts, name, { type: "application/zip" });
}

function freeName(name: string, taken: Set<string>): string {
  const [, stem, ending] = name.match(/^(.*?)(\.[^.]*)?$/s) as RegExpMatchArray;
  let free = name;
  for (let number = 2; taken.has(free.toLowerCase()); number += 1) {
    free = `${stem} (${number})${ending ?? ""}`;
  }
  taken.add(free.toLowerCase());
  return free;
}

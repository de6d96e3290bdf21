/** A folder that was chosen stands for the recordings in it, as one that is dropped does. */

import { isRecording } from "../shared/recordings";

/** Whether the browser lets folders be chosen. */
export const CHOOSES_FOLDERS = "webkitdirectory" in HTMLInputElement.prototype;

/** Returns the recordings that lie in a folder itself, in the order of their names. */
export function recordingsOf(files: Iterable<File>): File[] {
  return Array.from(files)
    .filter(({ name, webkitRelativePath }) => {
      const [, ...below] = webkitRelativePath.split("/");
      return below.length <= 1 && isRecording(name) && !name.startsWith(".");
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

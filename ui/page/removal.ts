/** Removes recordings, for as long as nobody wants them back. */

import { TAKEN_BACK_WITHIN, titleOf } from "../shared/messages";
import { type Take, tellOutbox } from "./library";
import { offerUndo } from "./undo";

/** Removes recordings, and offers to take that back. */
export function removeTakes(takes: Take[]): void {
  const ids = takes.map(({ recording }) => recording.id);
  const tell = (kind: "remove" | "restore" | "erase") => {
    for (const recording of ids) tellOutbox({ kind, recording });
  };
  tell("remove");
  const [{ recording }] = takes;
  offerUndo({
    text:
      takes.length === 1
        ? `Removed “${titleOf(recording)}”.`
        : `Removed ${takes.length} transcripts.`,
    undo: () => tell("restore"),
    dismiss: () => tell("erase"),
    // An offer that comes too late is none.
    within: TAKEN_BACK_WITHIN - 1_000,
  });
}

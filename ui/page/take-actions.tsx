/** What can be done with a recording's words: copy, export, remove. */

import { useState } from "preact/hooks";
import { titleOf } from "../shared/messages";
import { copied } from "./copy";
import { ExportChoice } from "./export-choice";
import { byteCount } from "./figures";
import { CopyIcon, FindIcon, PlayIcon, RemoveIcon } from "./icons";
import type { Take } from "./library";
import { canBeHeard, hear, keptBytes } from "./playback";
import { removeTakes } from "./removal";
import { plainText } from "./transcript";
import { openLibraryDialog } from "./view";

/** The buttons beside a recording's name. */
export function TakeActions({ take }: { take: Take }) {
  const [copying, setCopying] = useState("Copy");
  const copy = async () => {
    setCopying((await copied(plainText(take))) ? "Copied" : "Not copied");
    setTimeout(() => setCopying("Copy"), 2_000);
  };
  const { id, ended } = take.recording;
  const name = titleOf(take.recording);
  const kept = keptBytes.value.get(id);
  return (
    <div class="take-actions">
      {canBeHeard(take.recording) && (
        <button
          type="button"
          class="small-button"
          title={kept ? `${byteCount(kept)} of sound are kept on this device` : "Plays the file"}
          onClick={() => hear(id, 0, true)}
        >
          <PlayIcon />
          <span>
            Play<span class="visually-hidden"> {name}</span>
            {kept !== undefined && ` (${byteCount(kept)})`}
          </span>
        </button>
      )}
      <button type="button" class="small-button" aria-keyshortcuts="Shift+C" onClick={copy}>
        <CopyIcon />
        <span aria-live="polite">{copying}</span>
      </button>
      <ExportChoice takes={[take]} name={`Export ${name}`} text="Export" />
      <button
        type="button"
        class="icon-button"
        aria-label={`Find and replace in ${name}`}
        title="Find and replace"
        onClick={() => openLibraryDialog(take.recording.id)}
      >
        <FindIcon />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={`Remove ${name}`}
        title="Remove words, pictures and sound from this device"
        // What is being heard would come again.
        disabled={ended === false}
        onClick={() => removeTakes([take])}
      >
        <RemoveIcon />
      </button>
    </div>
  );
}

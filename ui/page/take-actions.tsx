/** What can be done with a recording's words: copy, export, remove. */

import { useState } from "preact/hooks";
import { titleOf } from "../shared/messages";
import { copied } from "./copy";
import { byteCount } from "./figures";
import { CopyIcon, PlayIcon, RemoveIcon } from "./icons";
import type { Take } from "./library";
import { canBeHeard, hear, keptBytes } from "./playback";
import { save } from "./save";
import { settings } from "./settings";
import { plainText, TRANSCRIPT_FORMATS, type TranscriptFormat, transcriptFile } from "./transcript";
import { removeTakes } from "./undo";

/** The buttons beside a recording's name. */
export function TakeActions({ take }: { take: Take }) {
  const [copying, setCopying] = useState("Copy");
  const copy = async () => {
    setCopying((await copied(plainText(take))) ? "Copied" : "Not copied");
    setTimeout(() => setCopying("Copy"), 2_000);
  };
  const { id, ended, translated } = take.recording;
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
      <label class="export">
        <span class="visually-hidden">Export {name}</span>
        <select
          value=""
          onChange={async ({ currentTarget }) => {
            const [format, language] = currentTarget.value.split(" ");
            currentTarget.value = "";
            const { subtitles } = settings.value;
            const english = language === "en";
            save(await transcriptFile(take, format as TranscriptFormat, subtitles, english));
          }}
        >
          <option value="" hidden>
            Export
          </option>
          {TRANSCRIPT_FORMATS.map((format) => (
            <option key={format} value={format}>
              .{format}
            </option>
          ))}
          {translated && (
            <optgroup label="In English">
              {TRANSCRIPT_FORMATS.map((format) => (
                <option key={format} value={`${format} en`}>
                  .en.{format}
                </option>
              ))}
            </optgroup>
          )}
        </select>
      </label>
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

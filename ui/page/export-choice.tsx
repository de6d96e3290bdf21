/** The choice of forms in which transcripts are saved. */

import type { Take } from "./library";
import { save } from "./save";
import { settings } from "./settings";
import { TRANSCRIPT_FORMATS, type TranscriptFormat, transcriptFile } from "./transcript";

const EVERY = "every";

/** A choice that saves transcripts at once: one as it is, several or in every form in an archive. */
export function ExportChoice({ takes, name, text }: { takes: Take[]; name: string; text: string }) {
  return (
    <label class="export">
      <span class="visually-hidden">{name}</span>
      <select
        value=""
        disabled={!takes.length}
        onChange={({ currentTarget }) => {
          const [form, language] = currentTarget.value.split(" ");
          currentTarget.value = "";
          const forms = form === EVERY ? TRANSCRIPT_FORMATS : [form as TranscriptFormat];
          void exportTakes(takes, forms, language === "en");
        }}
      >
        <option value="" hidden>
          {text}
        </option>
        {TRANSCRIPT_FORMATS.map((format) => (
          <option key={format} value={format}>
            .{format}
          </option>
        ))}
        <option value={EVERY}>every form (.zip)</option>
        {takes.some(({ recording }) => recording.translated) && (
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
  );
}

async function exportTakes(
  takes: Take[],
  formats: readonly TranscriptFormat[],
  english: boolean,
): Promise<void> {
  const files: File[] = [];
  for (const take of takes) {
    for (const format of formats) {
      files.push(await transcriptFile(take, format, settings.peek().subtitles, english));
    }
  }
  if (files.length === 1) {
    save(files[0]);
    return;
  }
  const { archive } = await import("./archive");
  const name = takes.length === 1 ? files[0].name.replace(/\.[^.]*$/, "") : "transcripts";
  save(await archive(`${name}.zip`, files));
}

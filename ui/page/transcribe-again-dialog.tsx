/** Has pictures transcribed again: in another language, or with other names to expect. */

import { useEffect, useState } from "preact/hooks";
import { clock } from "../shared/axes";
import { type Stretch, titleOf } from "../shared/messages";
import { Dialog } from "./dialog";
import { Choice, Field } from "./field";
import { fitting, keywordsIn } from "./keywords";
import { KeywordsField } from "./keywords-field";
import { LanguageOptions } from "./language-options";
import { type Take, takes, tellOutbox } from "./library";
import { modelThat } from "./service";
import { settings } from "./settings";
import { type TranscribingAgain, toTranscribeAgain } from "./transcribe-again";
import "./transcribe-again-dialog.css";

/** Asks what is to be other than before, and has the outbox send the pictures once more. */
export function TranscribeAgainDialog({
  asked,
  close,
}: {
  asked: TranscribingAgain;
  close: () => void;
}) {
  const take = takes.value.find(({ recording }) => recording.id === asked.recording);
  useEffect(() => {
    if (!take) close();
  }, [take, close]);
  return take ? <OtherHearing take={take} part={asked.part} close={close} /> : null;
}

function OtherHearing({
  take,
  part,
  close,
}: {
  take: Take;
  part: Stretch | null;
  close: () => void;
}) {
  const { wishes } = toTranscribeAgain(take, part)[0] ?? take.utterances[0];
  const [all, setAll] = useState(!part);
  const [language, setLanguage] = useState(wishes.language);
  const [keywords, setKeywords] = useState(wishes.keywords?.join(", ") ?? settings.peek().keywords);
  const pictures = toTranscribeAgain(take, all ? null : part);
  const hear = (event: Event) => {
    event.preventDefault();
    const model = modelThat(
      ({ languages }) => !language || languages.includes(language),
      wishes.model,
    );
    tellOutbox({
      kind: "again",
      utterances: pictures.map(({ id }) => id),
      wishes: { model: model ?? "", language, keywords: fitting(keywordsIn(keywords)) },
    });
    close();
  };
  return (
    <Dialog name="transcribe-again" title="Transcribe again" close={close}>
      <form onSubmit={hear}>
        <p>
          The pictures that are kept of {titleOf(take.recording)} are sent once more, as they are:
          disguised if they were then. Their words stay until there are others; what you mended
          stays.
        </p>
        {part && (
          <Choice
            name="Which"
            value={all ? "all" : "part"}
            options={[
              { value: "part", label: `From ${clock(part.start)} to ${clock(part.end)}` },
              { value: "all", label: "All of it" },
            ]}
            onChoose={(value) => setAll(value === "all")}
          />
        )}
        <Field name="Language spoken">
          <select value={language} onChange={(event) => setLanguage(event.currentTarget.value)}>
            <LanguageOptions also={language} />
          </select>
        </Field>
        <KeywordsField value={keywords} onInput={setKeywords} />
        {!pictures.length && <p role="alert">Its pictures gave way to newer ones.</p>}
        <button type="submit" class="main-button" disabled={!pictures.length}>
          Transcribe {pictures.length === 1 ? "1 picture" : `${pictures.length} pictures`} again
        </button>
      </form>
    </Dialog>
  );
}

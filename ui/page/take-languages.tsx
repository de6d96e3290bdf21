/** In which languages a recording's words are, and the ways to others. */

import type { Stretch, Utterance } from "../shared/messages";
import { languageName } from "./figures";
import { AgainIcon, TranslateIcon } from "./icons";
import { isForeign, spokenIn } from "./languages";
import { type Take, tellOutbox } from "./library";
import { models, modelThat, translates } from "./service";
import { transcribingAgain } from "./transcribe-again";

/** The language that a recording begins in, and what can be asked for besides its words. */
export function TakeLanguages({ take }: { take: Take }) {
  const { id } = take.recording;
  const heard = take.utterances.filter(({ answer }) => answer?.text);
  const language = heard.map(spokenIn).find(Boolean);
  return (
    <div class="take-languages">
      {language && <LanguageTag language={language} recording={id} part={null} />}
      <button
        type="button"
        class="small-button"
        disabled={!heard.length}
        onClick={() => {
          transcribingAgain.value = { recording: id, part: null };
        }}
      >
        <AgainIcon />
        Transcribe again
      </button>
      <EnglishSwitch take={take} heard={heard} />
    </div>
  );
}

/** Names a language, and leads to hearing what was said in another. */
export function LanguageTag({
  language,
  recording,
  part,
}: {
  language: string;
  recording: string;
  /** What it is the language of; null for all of the recording. */
  part: Stretch | null;
}) {
  const name = languageName(language);
  return (
    <button
      type="button"
      class="language"
      title="It was another language: transcribe it again"
      aria-label={`${name}: transcribe again in another language`}
      onClick={() => {
        transcribingAgain.value = { recording, part };
      }}
    >
      {name}
    </button>
  );
}

function EnglishSwitch({ take, heard }: { take: Take; heard: Utterance[] }) {
  const { id, translated = false } = take.recording;
  const foreign = heard.some(isForeign);
  if (!foreign && !translated) return null;
  const able = modelThat(translates, "") !== null;
  return (
    <>
      <button
        type="button"
        class="small-button"
        aria-pressed={translated}
        disabled={!able && !translated}
        onClick={() => tellOutbox({ kind: "beside", recording: id, translated: !translated })}
      >
        <TranslateIcon />
        In English
      </button>
      {!able && (
        <span class="take-figures">
          {models.value.map((model) => model.id).join(", ")} cannot translate
        </span>
      )}
    </>
  );
}

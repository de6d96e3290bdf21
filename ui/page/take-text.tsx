/** One recording's words, in paragraphs. */

import { Component, Fragment } from "preact";
import { useState } from "preact/hooks";
import { clock } from "../shared/axes";
import { titleOf, type Utterance } from "../shared/messages";
import { duration, wordsLeft } from "./figures";
import { MendIcon } from "./icons";
import { spokenIn, wordsIn } from "./languages";
import { interimWords, mend, type Take, tellOutbox } from "./library";
import { isMended, textOf } from "./mended";
import { EditableWords, startMending, useIsMended, useMended } from "./mending";
import { type Paragraph, paragraphs, said } from "./paragraphs";
import { canBeHeard } from "./playback";
import { TakeActions } from "./take-actions";
import { LanguageTag, TakeLanguages } from "./take-languages";
import { TimedText } from "./timed-text";
import { Title } from "./title";
import { lengthOf } from "./transcript";
import { EnglishWords, useTranslations } from "./translation";
import { gap } from "./typography";

/** Live words that are on their way are no news, up to so many. */
const ON_THEIR_WAY = 2;
/** Below this confidence, words are marked as doubtful. */
const DOUBTFUL = 0.5;
/** What stands where no words were heard, or none were left. */
const WORDLESS = "(no words)";

interface TakeProps {
  take: Take;
  /** Opens the picture of an utterance. */
  show: (utterance: Utterance) => void;
}

/** A recording, which is rendered anew only when something of it is another object. */
export class TakeText extends Component<TakeProps> {
  override shouldComponentUpdate({ take }: TakeProps): boolean {
    return take !== this.props.take;
  }

  override render() {
    return <WholeTake {...this.props} />;
  }
}

/** A recording's name, what can be done with it, and its words. */
function WholeTake({ take, show }: TakeProps) {
  const { recording } = take;
  const utterances = take.utterances.filter(({ joins }) => !joins);
  const waiting = utterances.filter(({ state }) => state === "waiting").length;
  const late = waiting > (recording.kind === "microphone" ? ON_THEIR_WAY : 0);
  const left = late ? wordsLeft(utterances) : null;
  const text = paragraphs(take, useMended(recording.id));
  const { translated = false } = recording;
  useTranslations(translated, text.flatMap(said));
  let language: string | null = null;
  return (
    <article
      class="take"
      aria-label={titleOf(recording)}
      data-recording={recording.id}
      data-heard={canBeHeard(recording)}
      data-translated={translated}
    >
      <header class="take-head">
        <h3>
          <Title recording={recording} />
        </h3>
        <p class="take-figures">
          {duration(lengthOf({ recording, utterances }))}
          {late && `, ${waiting} waiting`}
          {left !== null && `, words in ${duration(left)}`}
        </p>
        <TakeActions take={take} />
        <TakeLanguages take={take} />
      </header>
      {text.map((paragraph) => {
        const before: string | null = language;
        language = said(paragraph).map(spokenIn).findLast(Boolean) ?? before;
        return (
          <ParagraphText
            key={paragraph.parts[0].id}
            paragraph={paragraph}
            language={before}
            translated={translated}
            show={show}
          />
        );
      })}
      {recording.problem && (
        <p class="message problem">This recording ended early: {recording.problem}.</p>
      )}
    </article>
  );
}

interface ParagraphProps {
  paragraph: Paragraph;
  /** What was spoken before it. */
  language: string | null;
  /** Whether it stands in English, too. */
  translated: boolean;
  /** Opens the picture of an utterance. */
  show: (utterance: Utterance) => void;
}

/** A paragraph, which is rendered anew only when one of its utterances is another object. */
class ParagraphText extends Component<ParagraphProps> {
  override shouldComponentUpdate(next: ParagraphProps): boolean {
    const { paragraph, language, translated } = this.props;
    const { parts, settled } = next.paragraph;
    return (
      language !== next.language ||
      translated !== next.translated ||
      settled !== paragraph.settled ||
      parts.length !== paragraph.parts.length ||
      parts.some((part, place) => part !== paragraph.parts[place])
    );
  }

  override render() {
    return <Said {...this.props} />;
  }
}

function Said({ paragraph, language, translated, show }: ParagraphProps) {
  const [heardShown, setHeardShown] = useState(false);
  const utterances = said(paragraph);
  const [first] = utterances;
  const isOpen = useIsMended(first.id);
  const answered = utterances.filter(({ state }) => state === "answered");
  const mended = answered.filter(isMended);
  const ids = [...new Set([...paragraph.parts, ...utterances].map(({ id }) => id))];
  const changes = languageChanges(utterances, language);
  return (
    <p class="said" data-state={stateOf(utterances)} data-settled={paragraph.settled !== null}>
      <button
        type="button"
        class="time"
        aria-label={`Picture at ${clock(first.start)}`}
        // Its picture is whole when it has been said.
        disabled={first.state === "open"}
        onClick={() => show(first)}
      >
        {clock(first.start)}
      </button>
      <span dir="auto">
        {utterances.map((utterance, place) => (
          <Fragment key={utterance.id}>
            {place > 0 && gap(shownText(utterances[place - 1]), shownText(utterance))}
            {changes[place] && (
              <LanguageTag
                language={changes[place]}
                recording={utterance.recording}
                part={utterance}
              />
            )}
            {/* biome-ignore lint/a11y/noStaticElementInteractions: the button beside does the same */}
            <span
              class="words"
              data-utterance={utterance.id}
              data-state={utterance.state}
              lang={wordsIn(utterance) || undefined}
              onDblClick={({ currentTarget }) => {
                if (utterance.state !== "answered" || isOpen) return;
                startMending(ids, utterance, ...selectedIn(currentTarget));
              }}
            >
              {isOpen && utterance.state === "answered" ? (
                <EditableWords utterance={utterance} />
              ) : (
                <Words utterance={utterance} />
              )}
            </span>
          </Fragment>
        ))}
        {mended.length > 0 && (
          <button
            type="button"
            class="text-button mended-button"
            aria-expanded={heardShown}
            onClick={() => setHeardShown(!heardShown)}
          >
            mended
          </button>
        )}
      </span>
      {translated && <EnglishWords utterances={utterances} />}
      <button
        type="button"
        class="icon-button mend-button"
        aria-label={`Mend the words at ${clock(first.start)}`}
        title="Mend the words"
        disabled={!answered.length}
        onClick={() => startMending(ids, answered[0])}
      >
        <MendIcon />
      </button>
      {heardShown &&
        mended.map((utterance) => (
          <span key={utterance.id} class="as-heard">
            <b>As heard</b> {utterance.answer?.text || WORDLESS}{" "}
            <button type="button" class="text-button" onClick={() => mend(utterance.id, null)}>
              Restore
            </button>
          </span>
        ))}
    </p>
  );
}

/** Returns of each utterance the language that it begins, if another was spoken before it. */
function languageChanges(utterances: Utterance[], before: string | null): (string | null)[] {
  let last = before;
  return utterances.map((utterance) => {
    const language = spokenIn(utterance);
    const changed = last && language !== last ? language : null;
    last = language ?? last;
    return changed;
  });
}

/** Returns what is selected of the words in an element, where those begin and end. */
function selectedIn(element: HTMLElement): [number, number] {
  const selection = getSelection();
  if (!selection?.rangeCount || !element.contains(selection.anchorNode)) return [0, 0];
  const selected = selection.getRangeAt(0);
  const before = document.createRange();
  before.setStart(element, 0);
  before.setEnd(selected.startContainer, selected.startOffset);
  const from = before.toString().length;
  return [from, from + selected.toString().trimEnd().length];
}

/** Returns the state of utterances together: that of the one that is furthest from its words. */
function stateOf(utterances: Utterance[]): Utterance["state"] {
  const states = utterances.map(({ state }) => state);
  const order = ["open", "waiting", "refused"] as const;
  return order.find((state) => states.includes(state)) ?? "answered";
}

function shownText(utterance: Utterance): string {
  return textOf(utterance) || WORDLESS;
}

function Words({ utterance }: { utterance: Utterance }) {
  const { state, answer, problem } = utterance;
  const waits = state === "waiting" && problem && (
    <span class="refused">Waits for the service: {problem}.</span>
  );
  if (waits && !answer) return waits;
  if (!answer && (state === "open" || state === "waiting")) return <WordsSoFar id={utterance.id} />;
  if (state === "refused") {
    return (
      <span class="refused">
        Not transcribed: {problem}.{" "}
        <button
          type="button"
          class="text-button"
          onClick={() => tellOutbox({ kind: "retry", utterance: utterance.id })}
        >
          Send again
        </button>
      </span>
    );
  }
  if (!answer || !(textOf(utterance) || answer.unheard?.length)) {
    return <span class="wordless">{WORDLESS}</span>;
  }
  // Where each word says how sure it is, each is marked by itself.
  const doubtful =
    !answer.words?.length && !isMended(utterance) && (answer.confidence ?? 1) < DOUBTFUL;
  return (
    <span
      class={doubtful ? "doubtful" : ""}
      title={doubtful ? "The model is not sure of this" : ""}
    >
      <TimedText utterance={utterance} />
      {state === "answered" && problem && (
        <span class="refused"> Not transcribed again: {problem}.</span>
      )}
      {waits && <> {waits}</>}
    </span>
  );
}

/** Words of what is being said; those that may change are for eyes alone. */
function WordsSoFar({ id }: { id: string }) {
  const words = interimWords.value.get(id);
  if (!words?.firm && !words?.grey) {
    return (
      <span class="pending">
        <span class="visually-hidden">waiting for its words</span>
      </span>
    );
  }
  return (
    <span>
      <span class="firm">{words.firm}</span>
      <span class="grey" aria-hidden="true">
        {words.grey}
      </span>
    </span>
  );
}

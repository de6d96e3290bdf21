/** The words, as a text to read, with the times at its side. */

import { Fragment } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { clock } from "../shared/axes";
import type { Utterance } from "../shared/messages";
import { duration } from "./figures";
import { ForUtterance, type UtteranceProps } from "./for-utterance";
import { CopyIcon, RemoveIcon } from "./icons";
import { interimWords, latest, type Take, takes, tellOutbox } from "./library";
import { pieces, withoutWords } from "./pieces";
import { settings } from "./settings";
import { plainText, TRANSCRIPT_FORMATS, type TranscriptFormat, transcriptFile } from "./transcript";
import "./transcript-view.css";

/** Below this confidence, words are marked as doubtful. */
const DOUBTFUL = 0.5;
/** How near the end a reader has to be, in CSS pixels, for new text to be scrolled to. */
const NEAR_END = 80;

/** All recordings, one after the other; opens an utterance's picture on request. */
export function TranscriptView({ show }: { show: (utterance: Utterance) => void }) {
  const text = useRef<HTMLElement>(null);
  const following = useRef(true);
  const all = takes.value;
  useEffect(() => {
    if (following.current) text.current?.scrollTo({ top: text.current.scrollHeight });
  }, [all]);
  return (
    <section class="transcript" aria-labelledby="transcript-title">
      <h2 id="transcript-title">Transcript</h2>
      <section
        ref={text}
        class="transcript-text"
        // A region that scrolls has to be reachable by keyboard.
        tabIndex={0}
        aria-labelledby="transcript-title"
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          following.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
        }}
      >
        {all.length === 0 && (
          <p class="empty">What is said will stand here, a sentence at a time.</p>
        )}
        {all.map((take) => (
          <TakeText key={take.recording.id} take={take} show={show} />
        ))}
      </section>
      <p class="visually-hidden" aria-live="polite">
        {latest.value}
      </p>
    </section>
  );
}

function TakeText({ take, show }: { take: Take; show: (utterance: Utterance) => void }) {
  const { recording, utterances } = take;
  const waiting = utterances.filter(({ state }) => state === "waiting").length;
  return (
    <article class="take" aria-label={recording.name}>
      <header class="take-head">
        <h3>{recording.name}</h3>
        <p class="take-figures">
          {duration(Math.max(recording.seconds, utterances.at(-1)?.end ?? 0))}
          {waiting > 0 && `, ${waiting} waiting`}
        </p>
        <TakeActions take={take} />
      </header>
      {utterances.map((utterance) => (
        <ForUtterance key={utterance.id} utterance={utterance} show={show} of={Said} />
      ))}
      {recording.problem && (
        <p class="message problem">This recording ended early: {recording.problem}.</p>
      )}
    </article>
  );
}

function Said({ utterance, show }: UtteranceProps) {
  return (
    <p class="said" data-state={utterance.state}>
      <button
        type="button"
        class="time"
        aria-label={`Picture at ${clock(utterance.start)}`}
        onClick={() => show(utterance)}
      >
        {clock(utterance.start)}
      </button>
      <span class="words" data-utterance={utterance.id} data-state={utterance.state}>
        <Words utterance={utterance} />
      </span>
    </p>
  );
}

function Words({ utterance }: { utterance: Utterance }) {
  const { state, answer, problem } = utterance;
  if (state === "open" || state === "waiting") return <WordsSoFar id={utterance.id} />;
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
  const parts = answer ? pieces(answer) : [];
  if (!answer || !parts.length) return <span class="wordless">(no words)</span>;
  const doubtful = answer.confidence !== null && answer.confidence < DOUBTFUL;
  return (
    <span
      class={doubtful ? "doubtful" : ""}
      title={doubtful ? "The model is not sure of this" : ""}
    >
      {parts.map((part, place) =>
        typeof part === "string" ? (
          part
        ) : (
          <Fragment key={part.start}>
            {place > 0 && " "}
            <span class="unheard">{withoutWords(part)}</span>
            {place < parts.length - 1 && " "}
          </Fragment>
        ),
      )}
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

function TakeActions({ take }: { take: Take }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(plainText(take));
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  const { id, name } = take.recording;
  return (
    <div class="take-actions">
      <button type="button" class="small-button" onClick={copy}>
        <CopyIcon />
        <span aria-live="polite">{copied ? "Copied" : "Copy"}</span>
      </button>
      <label class="export">
        <span class="visually-hidden">Export {name}</span>
        <select
          value=""
          onChange={(event) => {
            const format = event.currentTarget.value as TranscriptFormat;
            save(transcriptFile(take, format, settings.value.subtitles));
            event.currentTarget.value = "";
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
        </select>
      </label>
      <button
        type="button"
        class="icon-button"
        aria-label={`Remove ${name}`}
        title="Remove words and pictures from this device"
        onClick={() => {
          if (confirm(`Remove “${name}” with its words and pictures from this device?`)) {
            tellOutbox({ kind: "remove", recording: id });
          }
        }}
      >
        <RemoveIcon />
      </button>
    </div>
  );
}

/** Has the browser save a file. */
export function save(file: File): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

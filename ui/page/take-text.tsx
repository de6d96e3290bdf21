/** One recording's words, in paragraphs. */

import { Component, Fragment } from "preact";
import { clock } from "../shared/axes";
import type { Utterance } from "../shared/messages";
import { duration, wordsLeft } from "./figures";
import { interimWords, type Take, tellOutbox } from "./library";
import { type Paragraph, paragraphs, said } from "./paragraphs";
import { TakeActions } from "./take-actions";
import { TimedText } from "./timed-text";
import { gap } from "./typography";

/** Live words that are on their way are no news, up to so many. */
const ON_THEIR_WAY = 2;
/** Below this confidence, words are marked as doubtful. */
const DOUBTFUL = 0.5;
/** What stands where no words were heard. */
const WORDLESS = "(no words)";

/** A recording's name, what can be done with it, and its words. */
export function TakeText({ take, show }: { take: Take; show: (utterance: Utterance) => void }) {
  const { recording } = take;
  const utterances = take.utterances.filter(({ joins }) => !joins);
  const waiting = utterances.filter(({ state }) => state === "waiting").length;
  const late = waiting > (recording.kind === "microphone" ? ON_THEIR_WAY : 0);
  const left = late ? wordsLeft(utterances) : null;
  return (
    <article class="take" aria-label={recording.name}>
      <header class="take-head">
        <h3>{recording.name}</h3>
        <p class="take-figures">
          {duration(Math.max(recording.seconds, utterances.at(-1)?.end ?? 0))}
          {late && `, ${waiting} waiting`}
          {left !== null && `, words in ${duration(left)}`}
        </p>
        <TakeActions take={take} />
      </header>
      {paragraphs(take).map((paragraph) => (
        <ParagraphText key={paragraph.parts[0].id} paragraph={paragraph} show={show} />
      ))}
      {recording.problem && (
        <p class="message problem">This recording ended early: {recording.problem}.</p>
      )}
    </article>
  );
}

interface ParagraphProps {
  paragraph: Paragraph;
  /** Opens the picture of an utterance. */
  show: (utterance: Utterance) => void;
}

/** A paragraph, which is rendered anew only when one of its utterances is another object. */
class ParagraphText extends Component<ParagraphProps> {
  override shouldComponentUpdate({ paragraph: { parts, settled } }: ParagraphProps): boolean {
    const { paragraph } = this.props;
    return (
      settled !== paragraph.settled ||
      parts.length !== paragraph.parts.length ||
      parts.some((part, place) => part !== paragraph.parts[place])
    );
  }

  override render() {
    const { paragraph, show } = this.props;
    const utterances = said(paragraph);
    const [first] = utterances;
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
        <span>
          {utterances.map((utterance, place) => (
            <Fragment key={utterance.id}>
              {place > 0 && gap(textOf(utterances[place - 1]), textOf(utterance))}
              <span class="words" data-utterance={utterance.id} data-state={utterance.state}>
                <Words utterance={utterance} />
              </span>
            </Fragment>
          ))}
        </span>
      </p>
    );
  }
}

/** Returns the state of utterances together: that of the one that is furthest from its words. */
function stateOf(utterances: Utterance[]): Utterance["state"] {
  const states = utterances.map(({ state }) => state);
  const order = ["open", "waiting", "refused"] as const;
  return order.find((state) => states.includes(state)) ?? "answered";
}

function textOf({ answer }: Utterance): string {
  return answer?.text || WORDLESS;
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
  if (!answer || !(answer.text || utterance.mended || answer.unheard?.length)) {
    return <span class="wordless">{WORDLESS}</span>;
  }
  const doubtful = answer.confidence !== null && answer.confidence < DOUBTFUL;
  return (
    <span
      class={doubtful ? "doubtful" : ""}
      title={doubtful ? "The model is not sure of this" : ""}
    >
      <TimedText utterance={utterance} />
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

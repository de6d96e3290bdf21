/** What was found in transcripts, and what takes its place. */

import { useState } from "preact/hooks";
import { clock } from "../shared/axes";
import { titleOf } from "../shared/messages";
import { leadToRecording, leadToWords } from "./lead";
import { mendAll, utteranceNow } from "./library";
import { mendingOf, textOf } from "./mended";
import { type Finding, type Query, replaced } from "./search";
import { offerUndo } from "./undo";

/** Places that are listed before somebody asks for more. */
const LISTED = 200;

interface FindingsProps {
  findings: Finding[];
  query: Query;
  /** Closes the dialog, and goes where `way` leads. */
  leave: (way: () => void) => void;
}

/** The places, recording by recording; each leads there. */
export function Findings({ findings, query, leave }: FindingsProps) {
  const [most, setMost] = useState(LISTED);
  const places = findings.reduce((sum, finding) => sum + finding.places.length, 0);
  let left = most;
  return (
    <>
      <p class="found-count" role="status">
        {counted(places, findings.length)}
      </p>
      {places > 0 && <Replacement findings={findings} query={query} places={places} />}
      <ul class="findings">
        {findings.map(({ take: { recording }, places }) => {
          const shown = places.slice(0, Math.max(0, left));
          left -= shown.length;
          return (
            <li key={recording.id}>
              <button
                type="button"
                class="finding-title"
                onClick={() => leave(() => leadToRecording(recording.id))}
              >
                {titleOf(recording)}
              </button>
              <ul>
                {shown.map(({ utterance, from, until, before, found, after }) => (
                  <li key={`${utterance.id} ${from}`}>
                    <button
                      type="button"
                      class="place"
                      onClick={() => leave(() => leadToWords(utterance.id, from, until))}
                    >
                      <span class="place-time">{clock(utterance.start)}</span>
                      <span>
                        {before}
                        <mark>{found}</mark>
                        {after}
                      </span>
                    </button>
                  </li>
                ))}
              </ul>
            </li>
          );
        })}
      </ul>
      {places > most && (
        <button type="button" class="second-button" onClick={() => setMost(places)}>
          Show all {places}
        </button>
      )}
    </>
  );
}

function Replacement({
  findings,
  query,
  places,
}: Omit<FindingsProps, "leave"> & { places: number }) {
  const [replacement, setReplacement] = useState("");
  return (
    <form
      class="replacement"
      onSubmit={(event) => {
        event.preventDefault();
        replaceAll(findings, query, replacement, places);
      }}
    >
      <input
        type="text"
        aria-label="Replace with"
        placeholder="Replace with"
        value={replacement}
        onInput={({ currentTarget: { value } }) => setReplacement(value)}
      />
      <button type="submit" class="second-button">
        Replace {places === 1 ? "it" : `all ${places}`}
      </button>
    </form>
  );
}

function replaceAll(findings: Finding[], query: Query, replacement: string, places: number): void {
  const before = new Map<string, string | null>();
  const after = new Map<string, string | null>();
  for (const { utterance } of findings.flatMap((finding) => finding.places)) {
    before.set(utterance.id, utterance.mended ?? null);
    after.set(utterance.id, mendingOf(utterance, replaced(textOf(utterance), query, replacement)));
  }
  mendAll(after);
  offerUndo({
    text: `Replaced ${places === 1 ? "one place" : `${places} places`}.`,
    undo() {
      // What somebody wrote since then stays.
      const same = ([id]: [string, string | null]) =>
        (utteranceNow(id)?.mended ?? null) === after.get(id);
      mendAll(new Map([...before].filter(same)));
    },
  });
}

function counted(places: number, recordings: number): string {
  if (!recordings) return "Found nowhere.";
  const where = recordings === 1 ? "one transcript" : `${recordings} transcripts`;
  if (!places) return `Found in the name of ${where}.`;
  return `Found in ${places === 1 ? "one place" : `${places} places`} of ${where}.`;
}

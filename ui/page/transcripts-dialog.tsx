/** The library: all transcripts, and what is found in them. */

import { useMemo, useRef, useState } from "preact/hooks";
import { titleOf } from "../shared/messages";
import { Dialog } from "./dialog";
import { Findings } from "./findings";
import { takes } from "./library";
import { find } from "./search";
import { TranscriptList } from "./transcript-list";
import { Undo } from "./undo";
import "./transcripts-dialog.css";

/** Shows all transcripts; with words to look for, the places where they are. */
export function TranscriptsDialog({
  scope: firstScope,
  close,
}: {
  /** Id of the only recording that is looked at first; "" for all. */
  scope: string;
  close: () => void;
}) {
  const [text, setText] = useState("");
  const [matchCase, setMatchCase] = useState(false);
  const [wholeWords, setWholeWords] = useState(false);
  const [scope, setScope] = useState(firstScope);
  const body = useRef<HTMLDivElement>(null);
  const way = useRef<(() => void) | null>(null);
  const newest = takes.value.toReversed();
  const looked = newest.filter(({ recording }) => !scope || recording.id === scope);
  const query = useMemo(() => ({ text, matchCase, wholeWords }), [text, matchCase, wholeWords]);
  const findings = useMemo(() => find(looked, query), [takes.value, scope, query]);
  const leave = (where: () => void) => {
    way.current = where;
    body.current?.closest("dialog")?.close();
  };
  return (
    <Dialog
      name="transcripts"
      title="Library"
      close={() => {
        close();
        // Focus goes back where it was first.
        if (way.current) setTimeout(way.current);
      }}
    >
      <search class="search" ref={body}>
        <input
          type="search"
          class="search-field"
          aria-label="Find in words and names"
          placeholder="Find in words and names"
          autofocus
          value={text}
          onInput={({ currentTarget: { value } }) => setText(value)}
        />
        <label class="scope">
          <span class="visually-hidden">Look in</span>
          <select value={scope} onChange={({ currentTarget: { value } }) => setScope(value)}>
            <option value="">All transcripts</option>
            {newest.map(({ recording }) => (
              <option key={recording.id} value={recording.id}>
                {titleOf(recording)}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={wholeWords}
            onChange={({ currentTarget: { checked } }) => setWholeWords(checked)}
          />
          Whole words
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={matchCase}
            onChange={({ currentTarget: { checked } }) => setMatchCase(checked)}
          />
          Match case
        </label>
      </search>
      {text.trim() ? (
        <Findings findings={findings} query={query} leave={leave} />
      ) : (
        <TranscriptList takes={looked} leave={leave} />
      )}
      <Undo />
    </Dialog>
  );
}

/** The words, as a text to read, with the times at its side. */

import { useEffect, useRef } from "preact/hooks";
import type { Utterance } from "../shared/messages";
import { useFollowing, useTop } from "./follow";
import { CaptionsIcon, DownIcon, ListIcon } from "./icons";
import { lazily } from "./lazily";
import { latest, takes } from "./library";
import { microphone } from "./listening";
import { mending } from "./mending";
import { hear, hearing } from "./playback";
import { TakeText } from "./take-text";
import { captions, openLibraryDialog } from "./view";
import "./transcript-view.css";

const Player = lazily(async () => (await import("./player")).Player);

/** All recordings, one after the other; opens an utterance's picture on request. */
export function TranscriptView({ show }: { show: (utterance: Utterance) => void }) {
  const text = useRef<HTMLElement>(null);
  const all = takes.value;
  const live = microphone.value.state !== "off";
  const { away, toNewest, toTop, onScroll } = useFollowing(text, live, mending.value !== null);
  useTop(text);
  const newest = all.at(-1)?.recording.id;
  useEffect(() => {
    // A file is read from its beginning.
    const take = text.current?.querySelector<HTMLElement>(".take:last-of-type");
    if (!live && take) toTop(take);
  }, [newest]);
  return (
    <div class="transcript">
      <header class="transcript-head">
        <h2 id="transcript-title">Transcript</h2>
        <button
          type="button"
          class="small-button"
          disabled={all.length === 0}
          aria-keyshortcuts="/"
          onClick={() => openLibraryDialog()}
        >
          <ListIcon />
          Library
        </button>
        <button
          type="button"
          class="small-button"
          aria-pressed={captions.value}
          aria-keyshortcuts="C"
          onClick={() => {
            captions.value = !captions.value;
          }}
        >
          <CaptionsIcon />
          Captions
        </button>
      </header>
      <div class="transcript-frame">
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: the player goes from sentence to sentence */}
        <section
          ref={text}
          class="transcript-text"
          // A region that scrolls has to be reachable by keyboard.
          tabIndex={0}
          aria-labelledby="transcript-title"
          onScroll={onScroll}
          onClick={hearWord}
        >
          <div>
            {all.length === 0 && (
              <p class="empty">What is said will stand here, while it is being said.</p>
            )}
            {all.map((take) => (
              <TakeText key={take.recording.id} take={take} show={show} />
            ))}
          </div>
        </section>
        {away && (
          <button type="button" class="main-button newest" aria-keyshortcuts="N" onClick={toNewest}>
            <DownIcon />
            Newest
          </button>
        )}
      </div>
      <Playback />
      <p class="visually-hidden" aria-live="polite">
        {latest.value}
      </p>
    </div>
  );
}

/** Hears a recording from the word that was clicked on. */
function hearWord({ target, detail }: MouseEvent): void {
  // Who clicks twice mends, and who selects copies.
  if (!(target instanceof Element) || detail > 1 || !getSelection()?.isCollapsed) return;
  const word = target.closest<HTMLElement>("[data-heard=true] [data-word]");
  const take = word?.closest<HTMLElement>("[data-recording]");
  if (!word || !take || word.closest("[contenteditable]")) return;
  hear(take.dataset.recording ?? "", Number(word.dataset.word));
}

/** The player, while something is to be heard. */
function Playback() {
  const wish = hearing.value;
  const take = takes.value.find(({ recording }) => recording.id === wish?.recording);
  return wish && take && <Player key={wish.recording} take={take} wish={wish} />;
}

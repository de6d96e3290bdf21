/** Plays a recording again, on this device alone: its file, or the sound that was kept. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { clock } from "../shared/axes";
import { type Recording, titleOf } from "../shared/messages";
import { keptSound } from "../shared/sounds";
import { BackIcon, CloseIcon, FileIcon, ForwardIcon, PauseIcon, PlayIcon } from "./icons";
import type { Take } from "./library";
import { microphone } from "./listening";
import { LitWord } from "./lit-word";
import { fileOf, type Hearing, hearing, keptBytes, rememberChosen } from "./playback";
import { settings } from "./settings";
import { written } from "./transcript";
import "./player.css";

/** Seconds that are skipped at once. */
const SKIP = 5;
/** Room above it, in CSS pixels. */
const MARGIN = 8;
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

/** Where the sound of a recording is. */
type Source = { kind: "looking" | "gone" | "unplayable" } | { kind: "sound"; url: string };

/** The player of one recording. */
export function Player({ take, wish }: { take: Take; wish: Hearing }) {
  const { recording } = take;
  const section = useRoom();
  const media = useRef<HTMLVideoElement>(null);
  const playPause = useRef<HTMLButtonElement>(null);
  const [source, failed] = useSource(recording);
  const [playing, setPlaying] = useState(false);
  const [seconds, setSeconds] = useState(wish.seconds);
  const [total, setTotal] = useState(recording.seconds);
  const [speed, setSpeed] = useState(1);
  const [isVideo, setIsVideo] = useState(false);
  const subtitles = useSubtitles(take, isVideo);
  const lit = useLitWord(recording.id);
  const listening = microphone.value.state !== "off";
  const url = source.kind === "sound" ? source.url : undefined;

  const go = (to: number) => {
    const { current } = media;
    if (!current) return;
    const place = Math.max(0, Math.min(to, Number.isFinite(total) ? total : to));
    current.currentTime = place;
    setSeconds(place);
    lit.current?.show(place, true);
  };
  const skip = (by: number) => go((media.current?.currentTime ?? seconds) + by);
  const play = () => void media.current?.play().catch(() => setPlaying(false));
  const toggle = () => {
    if (media.current?.paused) play();
    else media.current?.pause();
  };
  const toSentence = (step: -1 | 1) => {
    const place = lit.current?.sentenceBeside(media.current?.currentTime ?? seconds, step);
    if (place !== null && place !== undefined) go(place);
  };

  useEffect(() => {
    if (!url) return;
    go(wish.seconds);
    if (!listening) play();
  }, [wish, url]);
  // A microphone would hear it.
  useEffect(() => {
    if (listening) media.current?.pause();
  }, [listening]);
  useEffect(() => {
    if (media.current) media.current.playbackRate = speed;
  }, [speed, url]);
  useFrames(playing, () => {
    const now = media.current?.currentTime ?? 0;
    setSeconds(Math.floor(now * 10) / 10);
    lit.current?.show(now, false);
  });
  const ready = url !== undefined;
  useEffect(() => {
    if (ready && wish.focused) playPause.current?.focus({ preventScroll: true });
  }, [ready, wish]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLSelectElement) return;
    const deeds: Record<string, () => void> = {
      ArrowLeft: () => skip(-SKIP),
      ArrowRight: () => skip(SKIP),
      ArrowUp: () => toSentence(-1),
      ArrowDown: () => toSentence(1),
      Escape: close,
      ...(!(event.target instanceof HTMLButtonElement) && { " ": toggle }),
    };
    const deed = deeds[event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  };
  return (
    <section
      ref={section}
      class="player"
      aria-label={`Playback of ${titleOf(recording)}`}
      onKeyDown={onKeyDown}
    >
      <video
        ref={media}
        class="player-picture"
        hidden={!isVideo}
        playsInline
        src={url}
        onLoadedMetadata={({ currentTarget: { duration, videoWidth } }) => {
          if (Number.isFinite(duration)) setTotal(duration);
          setIsVideo(videoWidth > 0);
        }}
        onDurationChange={({ currentTarget: { duration } }) => {
          if (Number.isFinite(duration)) setTotal(duration);
        }}
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onEnded={() => setPlaying(false)}
        onError={failed}
        onClick={toggle}
      >
        <track kind="captions" label="Words" default {...(subtitles && { src: subtitles })} />
      </video>
      {source.kind === "gone" || source.kind === "unplayable" ? (
        <AskForFile recording={recording} unplayable={source.kind === "unplayable"} />
      ) : (
        <div class="player-controls">
          <button
            type="button"
            class="icon-button"
            aria-label="Sentence before"
            onClick={() => toSentence(-1)}
          >
            <BackIcon />
          </button>
          <button
            type="button"
            class="icon-button skip"
            aria-label={`Back ${SKIP} seconds`}
            onClick={() => skip(-SKIP)}
          >
            −{SKIP}
          </button>
          <button
            ref={playPause}
            type="button"
            class="main-button play"
            aria-label={playing ? "Pause" : "Play"}
            disabled={!url || listening}
            title={listening ? "The microphone would hear it" : ""}
            onClick={toggle}
          >
            {playing ? <PauseIcon /> : <PlayIcon />}
          </button>
          <button
            type="button"
            class="icon-button skip"
            aria-label={`Forward ${SKIP} seconds`}
            onClick={() => skip(SKIP)}
          >
            +{SKIP}
          </button>
          <button
            type="button"
            class="icon-button"
            aria-label="Next sentence"
            onClick={() => toSentence(1)}
          >
            <ForwardIcon />
          </button>
          <span class="player-clock">{clock(seconds)}</span>
          <input
            class="player-place"
            type="range"
            min={0}
            max={total}
            step={0.1}
            value={seconds}
            aria-label="Place"
            aria-valuetext={`${clock(seconds)} of ${clock(total)}`}
            onInput={(event) => go(event.currentTarget.valueAsNumber)}
          />
          <span class="player-clock">{clock(total)}</span>
          <label class="player-speed">
            <span class="visually-hidden">Speed</span>
            <select value={speed} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
              {SPEEDS.map((value) => (
                <option key={value} value={value}>
                  {value} ×
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      <button
        type="button"
        class="icon-button player-close"
        aria-label="Close the player"
        onClick={close}
      >
        <CloseIcon />
      </button>
    </section>
  );
}

function close(): void {
  hearing.value = null;
  // The button is gone then.
  document.querySelector<HTMLElement>(".transcript-text")?.focus({ preventScroll: true });
}

/** Says that the page has no sound, and takes the file that it is in. */
function AskForFile({ recording, unplayable }: { recording: Recording; unplayable: boolean }) {
  const chooser = useRef<HTMLInputElement>(null);
  const [other, setOther] = useState("");
  const isFile = recording.kind === "file" && recording.track === undefined;
  return (
    <div class="player-ask">
      <p role="status">
        {unplayable
          ? "This browser cannot play this file."
          : other
            ? `${other} is another file: ${recording.name} is wanted, as it was.`
            : isFile
              ? `Choose ${recording.name} again to hear it.`
              : "Its sound is no longer on this device."}
      </p>
      {isFile && !unplayable && (
        <button type="button" class="small-button" onClick={() => chooser.current?.click()}>
          <FileIcon />
          Choose the file
        </button>
      )}
      <input
        ref={chooser}
        class="visually-hidden"
        type="file"
        tabIndex={-1}
        aria-label={`The file ${recording.name}`}
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          event.currentTarget.value = "";
          if (!file) return;
          rememberChosen([file]);
          setOther(fileOf(recording) ? "" : file.name);
        }}
      />
    </div>
  );
}

/** Returns where a recording's sound is, and what is to be called when it cannot be played. */
function useSource(recording: Recording): [Source, () => void] {
  const file = fileOf(recording);
  const isKept = keptBytes.value.has(recording.id);
  const [unplayable, setUnplayable] = useState<File | null>(null);
  const [source, setSource] = useState<Source>({ kind: "looking" });
  useEffect(() => {
    let url: string | null = null;
    let left = false;
    const look = async () => {
      const usable = file && file !== unplayable ? file : null;
      const sound = usable ?? (isKept ? await keptSound(recording.id) : null);
      if (left) return;
      if (!sound) {
        setSource({ kind: unplayable ? "unplayable" : "gone" });
        return;
      }
      url = URL.createObjectURL(sound);
      setSource({ kind: "sound", url });
    };
    void look();
    return () => {
      left = true;
      if (url) URL.revokeObjectURL(url);
    };
  }, [recording.id, file, isKept, unplayable]);
  return [source, () => setUnplayable(file)];
}

/** Returns the address of a recording's words as subtitles, while they are wanted. */
function useSubtitles(take: Take, wanted: boolean): string | null {
  const layout = settings.value.subtitles;
  const words = useMemo(
    () => (wanted ? written(take, "vtt", layout) : null),
    [take, wanted, layout],
  );
  const url = useMemo(
    () => (words === null ? null : URL.createObjectURL(new Blob([words], { type: "text/vtt" }))),
    [words],
  );
  useEffect(
    () => () => {
      if (url) URL.revokeObjectURL(url);
    },
    [url],
  );
  return url;
}

/** Returns what lights the words of a recording in the transcript. */
function useLitWord(recording: string) {
  const lit = useRef<LitWord | null>(null);
  useEffect(() => {
    const text = document.querySelector<HTMLElement>(".transcript-text");
    lit.current = text && new LitWord(text, recording);
    return () => lit.current?.close();
  }, [recording]);
  return lit;
}

/** Tells styles how high an element is, in `--player`, so that words leave room for it. */
function useRoom() {
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    const { current } = section;
    const transcript = current?.parentElement;
    if (!current || !transcript) return;
    const observer = new ResizeObserver(() =>
      transcript.style.setProperty("--player", `${current.offsetHeight + MARGIN}px`),
    );
    observer.observe(current);
    return () => {
      observer.disconnect();
      transcript.style.removeProperty("--player");
    };
  }, []);
  return section;
}

/** Does something with each frame that is painted, while it is wanted. */
function useFrames(wanted: boolean, deed: () => void): void {
  const latest = useRef(deed);
  latest.current = deed;
  useEffect(() => {
    if (!wanted) return;
    let frame = 0;
    const next = () => {
      latest.current();
      frame = requestAnimationFrame(next);
    };
    frame = requestAnimationFrame(next);
    return () => cancelAnimationFrame(frame);
  }, [wanted]);
}

/** The spectrogram, and what makes it move: microphone and files. */

import { Component } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { clock } from "../shared/axes";
import { forgetKey, me, signInAddress, signInProblem } from "./account";
import { duration } from "./figures";
import { CHOOSES_FOLDERS } from "./folder";
import {
  CloseIcon,
  FileIcon,
  FolderIcon,
  MicrophoneIcon,
  PauseIcon,
  ScreenIcon,
  StopIcon,
} from "./icons";
import { held } from "./library";
import {
  addDropped,
  addFiles,
  addFolder,
  attachPainter,
  chooseTrack,
  clearQueue,
  files,
  level,
  microphone,
  notice,
  pauseMicrophone,
  type QueuedFile,
  removeFile,
  resumeMicrophone,
  startMicrophone,
  startScreen,
  stopMicrophone,
  tellPainter,
  trouble,
} from "./listening";
import { microphones } from "./microphone";
import { choose, settings } from "./settings";
import { mustBeSignedIn, speech } from "./sign-in";
import "./hero.css";

/** Phones hear no other applications. */
const canHearScreens = Boolean(navigator.mediaDevices?.getDisplayMedia);

/** Files that are in sight without a word about how many there are. */
const FEW_FILES = 4;

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** The stage of the page. */
export function Hero() {
  const dragging = useDrop();
  const listening = microphone.value.state !== "off" || files.value.length > 0;
  const [used, setUsed] = useState(false);
  useEffect(() => {
    if (listening) setUsed(true);
  }, [listening]);
  return (
    <section class="hero" aria-label="Listen" data-dragging={dragging}>
      <div class="stage">
        <SpectrogramCanvas />
        {!used && !listening && (
          <p class="invitation">
            Say something.
            <span>Your voice becomes a picture here. Only the picture leaves.</span>
          </p>
        )}
        {dragging && <p class="invitation drop-hint">Drop to transcribe</p>}
      </div>
      <Controls />
      <Messages />
      <SignIn />
      <Queue />
    </section>
  );
}

/** Takes what is dropped, which browsers would leave the page for; tells whether it is above. */
function useDrop(): boolean {
  const [dragging, setDragging] = useState(false);
  useEffect(() => {
    // Text that is dragged goes into fields, as ever.
    const hasFiles = (event: DragEvent) => Boolean(event.dataTransfer?.types.includes("Files"));
    const over = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault();
      setDragging(hasFiles(event));
    };
    const leave = (event: DragEvent) => {
      if (!event.relatedTarget) setDragging(false);
    };
    const drop = (event: DragEvent) => {
      setDragging(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (event.dataTransfer) void addDropped(event.dataTransfer);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  return dragging;
}

function SpectrogramCanvas() {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current as HTMLCanvasElement;
    attachPainter(element, reducedMotion.matches);
    const observer = new ResizeObserver(() => {
      const ratio = devicePixelRatio;
      const { clientWidth, clientHeight } = element;
      const [width, height] = [clientWidth, clientHeight].map((side) => Math.round(side * ratio));
      tellPainter({ kind: "size", width, height, ratio });
    });
    observer.observe(element);
    const still = () => tellPainter({ kind: "still", still: reducedMotion.matches });
    reducedMotion.addEventListener("change", still);
    return () => {
      observer.disconnect();
      reducedMotion.removeEventListener("change", still);
    };
  }, []);
  return (
    <canvas
      ref={canvas}
      class="spectrogram"
      role="img"
      aria-label="Spectrogram: time from left to right, low frequencies at the bottom, speech marked below"
    />
  );
}

function Controls() {
  const chooser = useRef<HTMLInputElement>(null);
  const folderChooser = useRef<HTMLInputElement>(null);
  const { state } = microphone.value;
  const busy = files.value.some((queued) => queued.state === "listening");
  return (
    <div class="controls">
      {state === "on" || state === "finishing" ? (
        <button
          type="button"
          class="main-button stop"
          aria-keyshortcuts="L"
          onClick={stopMicrophone}
          disabled={state !== "on"}
        >
          <StopIcon />
          Stop
        </button>
      ) : (
        <button
          type="button"
          class="main-button"
          aria-keyshortcuts="L"
          onClick={startMicrophone}
          disabled={state === "opening" || busy}
        >
          <MicrophoneIcon />
          {state === "opening" ? "Opening…" : "Start listening"}
        </button>
      )}
      {state === "on" ? (
        <>
          <PauseButton />
          <Meter />
        </>
      ) : (
        <>
          {canHearScreens && (
            <button
              type="button"
              class="second-button"
              onClick={startScreen}
              disabled={state !== "off" || busy}
            >
              <ScreenIcon />
              Tab or system sound
            </button>
          )}
          <button
            type="button"
            class="second-button"
            aria-keyshortcuts="O"
            onClick={() => chooser.current?.click()}
          >
            <FileIcon />
            Choose files
          </button>
          {CHOOSES_FOLDERS && (
            <button
              type="button"
              class="second-button"
              onClick={() => folderChooser.current?.click()}
            >
              <FolderIcon />
              Choose folder
            </button>
          )}
          <span class="or-drop">or drop them here</span>
        </>
      )}
      <input
        ref={chooser}
        class="visually-hidden"
        type="file"
        multiple
        tabIndex={-1}
        aria-label="Audio or video files"
        onChange={(event) => {
          addFiles(event.currentTarget.files ?? []);
          event.currentTarget.value = "";
        }}
      />
      {CHOOSES_FOLDERS && (
        <input
          ref={folderChooser}
          class="visually-hidden"
          type="file"
          {...{ webkitdirectory: true }}
          tabIndex={-1}
          aria-label="A folder of recordings"
          onChange={(event) => {
            addFolder([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
      )}
      <DeviceChoice disabled={state !== "off"} />
    </div>
  );
}

function PauseButton() {
  const mic = microphone.value;
  const paused = mic.state === "on" && mic.paused;
  return (
    <button
      type="button"
      class="second-button pause"
      aria-keyshortcuts="P"
      onClick={paused ? resumeMicrophone : pauseMicrophone}
    >
      {paused ? <MicrophoneIcon /> : <PauseIcon />}
      {paused ? "Go on" : "Pause"}
    </button>
  );
}

function Meter() {
  const mic = microphone.value;
  // 60 dB of level over the width of the meter.
  const loudness = Math.max(0, 1 + Math.log10(Math.max(level.value, 1e-6)) / 3);
  return (
    <div class="listening">
      <meter class="visually-hidden" aria-label="Level" value={loudness.toFixed(2)} />
      <div class="meter-place">
        <div class="meter" aria-hidden="true">
          <div class="meter-bar" style={{ transform: `scaleX(${loudness.toFixed(3)})` }} />
        </div>
        <p class="trouble" role="status">
          {mic.state === "on" && mic.paused ? "Paused: nothing is heard" : trouble.value}
        </p>
      </div>
      <span class="elapsed">{mic.state === "on" && clock(mic.seconds)}</span>
    </div>
  );
}

function DeviceChoice({ disabled }: { disabled: boolean }) {
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  const { state } = microphone.value;
  useEffect(() => {
    const look = async () => setDevices(await microphones());
    void look();
    navigator.mediaDevices?.addEventListener("devicechange", look);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", look);
  }, [state]);
  if (devices.filter(({ label }) => label).length < 2) return null;
  return (
    <label class="device">
      <span class="visually-hidden">Microphone</span>
      <select
        disabled={disabled}
        value={settings.value.microphone}
        onChange={(event) => choose({ microphone: event.currentTarget.value })}
      >
        <option value="">Default microphone</option>
        {devices
          .filter(({ deviceId }) => deviceId !== "default")
          .map(({ deviceId, label }) => (
            <option key={deviceId} value={deviceId}>
              {label}
            </option>
          ))}
      </select>
    </label>
  );
}

function Messages() {
  const problem = microphone.value.state === "off" ? microphone.value.problem : null;
  const spent = held.value?.cause === "quota" ? held.value.reason : null;
  return (
    <div role="alert" class="messages">
      {problem && <p class="message problem">{problem}</p>}
      {signInProblem.value && <p class="message problem">{signInProblem.value}</p>}
      {spent && (
        <p class="message problem">{sentence(spent)} What you say is kept here, and sent then.</p>
      )}
      {notice.value && <p class="message">{notice.value}</p>}
    </div>
  );
}

/** The way to sign in, for those who have to and those who could. */
function SignIn() {
  const who = me.value;
  if (!who?.sign_in || who.signed_in) return null;
  return (
    <section class="message sign-in" aria-label="Sign in">
      <p>
        {mustBeSignedIn(who)
          ? "Words come when you have signed in. What you say until then is kept here, and sent afterwards."
          : `You can try it without signing in${who.limits ? `: ${speech(who.limits.seconds)} of speech a day, of which ${speech(who.usage?.seconds ?? 0)} are used. What the microphone hears counts about twice, short stretches more, as it is heard again for whole sentences` : ""}.`}
      </p>
      <a class="main-button" href={signInAddress} onClick={forgetKey}>
        Sign in with GitHub
      </a>
    </section>
  );
}

/** The files, in a list that scrolls where there are many. */
function Queue() {
  const queue = files.value;
  if (!queue.length) return null;
  const waiting = queue.filter(({ state }) => state === "waiting").length;
  return (
    <>
      {queue.length > FEW_FILES && (
        <p class="files-head">
          <span>
            {queue.length} files, {waiting} waiting
          </span>
          <button type="button" class="text-button" onClick={clearQueue}>
            Clear the list
          </button>
        </p>
      )}
      <ul class="files" aria-label="Files">
        {queue.map((queued) => (
          <FileRow key={queued.id} queued={queued} />
        ))}
      </ul>
    </>
  );
}

/** A file, which is rendered anew only when something of it changed. */
class FileRow extends Component<{ queued: QueuedFile }> {
  override shouldComponentUpdate({ queued }: { queued: QueuedFile }): boolean {
    return queued !== this.props.queued;
  }

  override render() {
    return <FileState queued={this.props.queued} />;
  }
}

function FileState({ queued }: { queued: QueuedFile }) {
  const { id, file, state, seconds, total, problem, tracks, track } = queued;
  const share = total ? Math.min(1, seconds / total) : 0;
  return (
    <li class="file" data-state={state}>
      <span class="file-name">{file.name}</span>
      {tracks && (
        <label class="file-track">
          <span class="visually-hidden">Audio track of {file.name}</span>
          <select
            value={track ?? tracks.heard}
            title="Another track is heard from its beginning"
            onChange={(event) => chooseTrack(id, Number(event.currentTarget.value))}
          >
            {tracks.names.map((name, place) => (
              <option key={name} value={place + 1}>
                Track {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {problem !== null ? (
        <span class="file-problem" role="alert">
          {sentence(problem)}
        </span>
      ) : (
        <>
          <progress
            class="file-progress"
            aria-label={`Progress of ${file.name}`}
            {...(total || state !== "listening" ? { value: share } : {})}
          />
          <span class="file-figures">{state === "listening" ? progressWords(queued) : state}</span>
        </>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label={
          problem !== null || state === "heard" ? `Dismiss ${file.name}` : `Cancel ${file.name}`
        }
        onClick={() => removeFile(id)}
      >
        <CloseIcon />
      </button>
    </li>
  );
}

function progressWords({ seconds, total, begun }: QueuedFile): string {
  if (!seconds) return "opening";
  const heard = clock(seconds);
  if (!total) return heard;
  const elapsed = (Date.now() - begun) / 1000;
  const left = (elapsed / seconds) * Math.max(0, total - seconds);
  const remaining = elapsed > 1 && left >= 1 ? `, ${duration(left)} left` : "";
  return `${heard} of ${clock(total)}${remaining}`;
}

function sentence(text: string): string {
  return text ? `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}` : "";
}

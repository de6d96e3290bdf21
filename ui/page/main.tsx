/** The page: a head, a stage, the words, and what left for them. */

import "./base.css";
import { computed, effect } from "@preact/signals";
import { render } from "preact";
import { useCallback, useState } from "preact/hooks";
import type { Utterance } from "../shared/messages";
import { serviceAddress } from "./address";
import { Header } from "./header";
import { Hero } from "./hero";
import { keepPage } from "./kept-page";
import { lazily } from "./lazily";
import { held, openLibrary, tellOutbox, unfinished } from "./library";
import { NewVersion } from "./new-version";
import { offersDevice } from "./offering";
import { Pictures } from "./pictures";
import { listenToSpaceBar } from "./push-to-talk";
import { areSameChoice, awaited, foundOut, here, serviceState, watchService } from "./service";
import { settings } from "./settings";
import { listenToKeys } from "./shortcuts";
import { persistWhenKept } from "./storage";
import { transcribingAgain } from "./transcribe-again";
import { TranscriptView } from "./transcript-view";
import { Undo } from "./undo";
import { captions, library } from "./view";
import { keepAwake } from "./wake-lock";
import "./main.css";

const Settings = lazily(async () => (await import("./settings-dialog")).SettingsDialog);
const Picture = lazily(async () => (await import("./picture-dialog")).PictureDialog);
const DeviceOffer = lazily(async () => (await import("./device-offer")).DeviceOffer);
const Account = lazily(async () => (await import("./account-dialog")).AccountDialog);
const Shortcuts = lazily(async () => (await import("./shortcuts-dialog")).ShortcutsDialog);
const Transcripts = lazily(async () => (await import("./transcripts-dialog")).TranscriptsDialog);
const TranscribeAgain = lazily(
  async () => (await import("./transcribe-again-dialog")).TranscribeAgainDialog,
);

function Page() {
  const [shown, setShown] = useState<string | null>(null);
  const [settingsOpen, setSettingsOpen] = useState(false);
  const [keysOpen, setKeysOpen] = useState(false);
  const [accountOpen, setAccountOpen] = useState(false);
  const closeAccount = useCallback(() => setAccountOpen(false), []);
  const show = useCallback((utterance: Utterance | null) => setShown(utterance?.id ?? null), []);
  return (
    <>
      <Header openSettings={() => setSettingsOpen(true)} openAccount={() => setAccountOpen(true)} />
      <main data-captions={captions.value}>
        <Hero />
        {offersDevice(serviceState.value, settings.value) && <DeviceOffer />}
        <TranscriptView show={show} />
        <Pictures show={show} />
      </main>
      <footer class="foot">
        <p>This page talks to its own server and to nobody else.</p>
        <button
          type="button"
          class="text-button"
          aria-keyshortcuts="?"
          onClick={() => setKeysOpen(true)}
        >
          Keys
        </button>
        <a href="privacy.html">Privacy</a>
        <a href="docs">API</a>
      </footer>
      <LibraryOrUndo />
      <NewVersion />
      {shown !== null && <Picture id={shown} show={show} />}
      {accountOpen && <Account close={closeAccount} />}
      {transcribingAgain.value && (
        <TranscribeAgain
          asked={transcribingAgain.value}
          close={() => {
            transcribingAgain.value = null;
          }}
        />
      )}
      {keysOpen && <Shortcuts close={() => setKeysOpen(false)} />}
      {settingsOpen && <Settings close={() => setSettingsOpen(false)} />}
    </>
  );
}

/** The library while it is open; else what was just done, which the library shows in itself. */
function LibraryOrUndo() {
  const scope = library.value;
  return scope === null ? <Undo /> : <Transcripts scope={scope} close={closeLibrary} />;
}

function closeLibrary(): void {
  library.value = null;
}

// Other settings say nothing of who hears, and a hidden tab may know that no longer.
const chosen = computed(() => {
  const { key, hears, choice } = settings.value;
  return `${choice} ${hears} ${key}`;
});
effect(() => {
  void chosen.value;
  // Also where this tab finds nothing new: another may have found something else since.
  void foundOut.value;
  const model = here.value;
  const { key, hears, choice } = settings.peek();
  // Who has just chosen the service wants nothing more of what heard until then.
  const device = hears === "service" ? null : model;
  if (device === undefined) return;
  tellOutbox({ kind: "service", address: serviceAddress, key, hears, choice, device });
});
let watched = settings.peek();
settings.subscribe((current) => {
  const before = watched;
  watched = current;
  if (areSameChoice(before, current)) return;
  // A model that was fetched again hears at once.
  tellOutbox({ kind: "wake" });
  // Another tab may have changed them, and this one may send for both.
  void watchService(true);
});
effect(() => {
  awaited.value = unfinished.value;
});
let keptPictures: number | null = null;
settings.subscribe((current) => {
  if (current.keptPictures === keptPictures) return;
  keptPictures = current.keptPictures;
  tellOutbox({ kind: "room", bytes: keptPictures ? keptPictures * 1e6 : null });
});

// What one of the two learns about the service, the other may want to know at once.
effect(() => {
  if (serviceState.value.light === "up") tellOutbox({ kind: "wake" });
});
held.subscribe((hold) => {
  if (hold) void watchService();
});

listenToSpaceBar();
keepAwake();
void openLibrary();
persistWhenKept();
void watchService();
keepPage();
listenToKeys(() => settings.peek().shortcuts);
render(<Page />, document.getElementById("app") as HTMLElement);

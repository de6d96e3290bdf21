/** The page: a head, a stage, the words, and what left for them. */

import { effect } from "@preact/signals";
import { render } from "preact";
import { useCallback, useState } from "preact/hooks";
import type { Segment } from "../shared/messages";
import { Header } from "./header";
import { Hero } from "./hero";
import { held, openLibrary, tellOutbox } from "./library";
import { PictureDialog } from "./picture-dialog";
import { Pictures } from "./pictures";
import { serviceAddress, serviceState, watchService } from "./service";
import { settings } from "./settings";
import { SettingsDialog } from "./settings-dialog";
import "./style.css";
import { TranscriptView } from "./transcript-view";

function Page() {
  const [shown, setShown] = useState<string | null>(null);
  const [settingsOpen, setSettingsOpen] = useState(false);
  const show = useCallback((segment: Segment | null) => setShown(segment?.id ?? null), []);
  return (
    <>
      <Header openSettings={() => setSettingsOpen(true)} />
      <main>
        <Hero />
        <TranscriptView show={show} />
        <Pictures show={show} />
      </main>
      <footer class="foot">
        <p>This page talks to its own server and to nobody else.</p>
        <a href="privacy.html">Privacy</a>
        <a href="docs">API</a>
      </footer>
      {shown !== null && <PictureDialog id={shown} show={show} />}
      {settingsOpen && <SettingsDialog close={() => setSettingsOpen(false)} />}
    </>
  );
}

let key = settings.peek().key;
tellOutbox({ kind: "service", address: serviceAddress, key });
settings.subscribe((current) => {
  if (current.key === key) return;
  key = current.key;
  tellOutbox({ kind: "service", address: serviceAddress, key });
  void watchService();
});

// What one of the two learns about the service, the other may want to know at once.
effect(() => {
  if (serviceState.value.light === "up") tellOutbox({ kind: "wake" });
});
held.subscribe((reason) => {
  if (reason) void watchService();
});

void openLibrary();
void watchService();
render(<Page />, document.getElementById("app") as HTMLElement);

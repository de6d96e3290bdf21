/** The name, the traffic light, the way to the settings. */

import { Mark, SettingsIcon } from "./icons";
import { held } from "./library";
import { serviceState } from "./service";

const LIGHTS = {
  asking: "Connecting",
  up: "Ready",
  starting: "Starting",
  locked: "Locked",
  down: "Unreachable",
};

/** The head of the page. */
export function Header({ openSettings }: { openSettings: () => void }) {
  const { light, detail } = serviceState.value;
  return (
    <header class="head">
      <h1 class="name">
        <Mark />
        hush
      </h1>
      <p class="motto">Speech to text, without the sound</p>
      <p class="light" data-light={light} role="status" title={detail}>
        <span class="lamp" />
        <span class="light-word">{LIGHTS[light]}</span>
        {light !== "up" && light !== "asking" ? (
          <span class="light-detail">{held.value ?? detail}</span>
        ) : (
          <span class="visually-hidden">{detail}</span>
        )}
      </p>
      <button type="button" class="quiet-button" aria-label="Settings" onClick={openSettings}>
        <SettingsIcon />
        <span>Settings</span>
      </button>
    </header>
  );
}

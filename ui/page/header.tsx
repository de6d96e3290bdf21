/** The name, the traffic light, the way to the settings. */

import { forgetKey, me, signInAddress } from "./account";
import { Mark, PersonIcon, SettingsIcon } from "./icons";
import { held } from "./library";
import { serviceState } from "./service";
import "./header.css";

const LIGHTS = {
  asking: "Connecting",
  up: "Ready",
  starting: "Starting",
  locked: "Locked",
  down: "Unreachable",
  failing: "Failing",
};

/** The head of the page. */
export function Header({
  openSettings,
  openAccount,
}: {
  openSettings: () => void;
  openAccount: () => void;
}) {
  const { light, detail } = lightNow();
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
          <span class="light-detail">{detail}</span>
        ) : (
          <span class="visually-hidden">{detail}</span>
        )}
      </p>
      <button
        type="button"
        class="quiet-button"
        aria-label="Settings"
        aria-keyshortcuts="S"
        onClick={openSettings}
      >
        <SettingsIcon />
        <span>Settings</span>
      </button>
      <Who openAccount={openAccount} />
    </header>
  );
}

/** What the light shows: a service that says it is ready may answer no picture all the same. */
function lightNow(): { light: keyof typeof LIGHTS; detail: string } {
  const { light, detail } = serviceState.value;
  const hold = held.value;
  if (!hold || light === "asking") return { light, detail };
  if (light === "up" && hold.cause === "failure") {
    return { light: "failing", detail: `${hold.reason}; what you say is kept here` };
  }
  return { light, detail: hold.reason };
}

/** Who is signed in, or the way to be; nothing where there is no sign-in. */
function Who({ openAccount }: { openAccount: () => void }) {
  const who = me.value;
  if (!who?.sign_in) return null;
  if (!who.signed_in) {
    return (
      <a class="sign-in-link" href={signInAddress} onClick={forgetKey}>
        Sign in
      </a>
    );
  }
  return (
    <button
      type="button"
      class="quiet-button person-button"
      aria-label={`Account of ${who.login}`}
      onClick={openAccount}
    >
      <PersonIcon />
      <span>{who.login}</span>
    </button>
  );
}

/** Why nothing is shown, and what to do about it. */

import { forgetKey, me } from "../page/account";
import { serviceAddress } from "../page/address";
import { access, findAccess } from "./asking";
import "./no-access.css";

const WHY = {
  asking: "One moment: who you are is being asked.",
  open: "",
  none: "This service has no sign-in, and so nothing to administrate: it runs on one machine.",
  "signed-out": "Sign in as an administrator to see this page.",
  ended: "Your session has ended: sign in again to go on.",
  forbidden: "You are not an administrator of this installation.",
  offline: "The service cannot be reached. It is asked again by itself.",
};

/** Leads to GitHub and back to what is shown now. */
function signInAddress(): string {
  const back = encodeURIComponent(location.pathname + location.hash);
  return new URL(`auth/login?return=${back}`, serviceAddress).href;
}

export function NoAccess() {
  const why = access.value;
  const who = me.value;
  const login = who?.sign_in && who.signed_in ? who.login : "";
  return (
    <section class="no-access" aria-live="polite">
      <h2>{WHY[why]}</h2>
      {why === "forbidden" && (
        <p>
          You are signed in as {login}. Whoever deploys it names administrators in
          <code> cloud.toml</code>. Sign out on <a href="./">the page</a> to come as somebody else.
        </p>
      )}
      {(why === "signed-out" || why === "ended") && (
        <a class="main-button" href={signInAddress()} onClick={forgetKey}>
          Sign in with GitHub
        </a>
      )}
      {why === "offline" && (
        <button type="button" class="second-button" onClick={() => void findAccess()}>
          Try again
        </button>
      )}
      {why === "none" && <a href="./">To the page</a>}
    </section>
  );
}

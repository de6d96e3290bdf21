/** Who is signed in, where the service has a sign-in. */

import { signal } from "@preact/signals";
import { serviceAddress } from "./address";
import { choose, settings } from "./settings";
import { type Me, mustBeSignedIn, outcomeWords } from "./sign-in";

/** Who is asking; null until the service said. */
export const me = signal<Me | null>(null);

/** Where to sign in; the service leads back here. */
export const signInAddress = new URL("auth/login?return=/", serviceAddress).href;

const PATIENCE = 10_000;
const NO_SIGN_IN: Me = { sign_in: false };

/** Asks who is signed in; what was known stays where there is no answer. */
export async function askMe(): Promise<void> {
  try {
    const response = await askAuth("GET", "me");
    if (response.ok) me.value = (await response.json()) as Me;
    else if (response.status === 404) me.value = NO_SIGN_IN;
  } catch {
    // The light says that the service cannot be reached.
  }
}

/** Whether nothing can be sent before somebody signs in, as far as is known. */
export function mustSignIn(): boolean {
  return mustBeSignedIn(me.peek());
}

/** Asks something of the service's sign-in. */
export function askAuth(method: string, path: string, body?: unknown): Promise<Response> {
  const { key } = settings.peek();
  return fetch(new URL(`auth/${path}`, serviceAddress), {
    method,
    headers: {
      Accept: "application/json",
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...(key && { Authorization: `Bearer ${key}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE),
  });
}

/** Forgets a key that was typed in: it would count more than signing in does. */
export function forgetKey(): void {
  if (settings.peek().key) choose({ key: "" });
}

/** How signing in ended, if not well; the page's address says it once. */
export const signInProblem = signal<string | null>(takeOutcome());

function takeOutcome(): string | null {
  const address = new URL(location.href);
  const code = address.searchParams.get("sign-in");
  if (code === null) return null;
  address.searchParams.delete("sign-in");
  history.replaceState(history.state, "", address);
  return outcomeWords(code);
}

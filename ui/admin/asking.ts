/** Asks the administration's API, and says in a sentence what went wrong. */

import { signal } from "@preact/signals";
import { askMe, me } from "../page/account";
import { serviceAddress } from "../page/address";
import { problemOf } from "../shared/problem";

/** What an administrator may see, or why nobody sees anything. */
export type Access = "asking" | "open" | "none" | "signed-out" | "ended" | "forbidden" | "offline";

export const access = signal<Access>("asking");

const PATIENCE = 30_000;
/** What cannot be reached is asked again as often, in milliseconds. */
const AGAIN_AFTER = 5_000;
const OLD_PAGE = "This page may be older than its service: load it again.";

/** A question that had no answer. The message is a sentence that says what to do. */
export class AskingError extends Error {
  /**
   * @param status - HTTP status; null where nothing answered.
   * @param retryAfter - Seconds after which to ask again, at least.
   */
  constructor(
    message: string,
    readonly status: number | null,
    readonly retryAfter = 0,
  ) {
    super(message);
  }
}

/** Finds out who is signed in, and whether they may see anything here. */
export async function findAccess(): Promise<void> {
  await askMe();
  access.value = accessOf(me.peek());
}

/** Finds it out by itself where the service could not be reached; returns what ends that. */
export function findAccessAgain(): () => void {
  const again = () => {
    if (access.peek() === "offline" && !document.hidden) void findAccess();
  };
  const timer = setInterval(again, AGAIN_AFTER);
  addEventListener("online", again);
  return () => {
    clearInterval(timer);
    removeEventListener("online", again);
  };
}

function accessOf(who: typeof me.value): Access {
  if (who === null) return "offline";
  if (!who.sign_in) return "none";
  if (!who.signed_in) return "signed-out";
  return who.administrator ? "open" : "forbidden";
}

/**
 * Asks something, or has something done.
 *
 * @param path - Below `/administration/`.
 * @param options - What is sent, and what says when nobody wants the answer any more.
 * @throws AskingError
 */
export async function ask<Answer>(
  method: string,
  path: string,
  { body, signal }: { body?: unknown; signal?: AbortSignal } = {},
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(new URL(`administration/${path}`, serviceAddress), {
      method,
      headers: {
        Accept: "application/json",
        ...(body !== undefined && { "Content-Type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])]),
    });
  } catch {
    throw new AskingError("The service cannot be reached. It is asked again by itself.", null);
  }
  if (!response.ok) {
    const error = await refusal(response);
    if (response.status === 401) access.value = "ended";
    if (response.status === 403) await findAccess();
    throw error;
  }
  if (response.status === 204) return undefined as Answer;
  try {
    return (await response.json()) as Answer;
  } catch {
    throw new AskingError(OLD_PAGE, response.status);
  }
}

/** Returns what an answer that is no success means. */
export async function refusal(response: Response): Promise<AskingError> {
  const { status } = response;
  const retryAfter = Number(response.headers.get("retry-after") ?? 0);
  const { message, code } = (await problemOf(response)) ?? { message: "", code: null };
  const said = (text: string) => new AskingError(text, status, retryAfter);
  if (status === 401) return said("Your session has ended: sign in again.");
  if (status === 403 && code === "cross_site") {
    return said("Your browser does not say that this page asks: load it again.");
  }
  if (status === 403) return said("You are no administrator here, or not any more.");
  if (status === 429) {
    return said(`There were too many questions. Ask again in ${Math.max(1, retryAfter)} s.`);
  }
  if (status === 404 && (!message || code === "not_found")) return said(OLD_PAGE);
  if (!message) return said(`The service answered ${status}. Try again in a minute.`);
  return said(`${message[0].toUpperCase()}${message.slice(1).replace(/[.]$/, "")}.`);
}

/** Returns a path's query of those values that are there. */
export function query(values: Record<string, string | number | null>): string {
  const named = Object.entries(values).filter(([, value]) => value !== null && value !== "");
  return named.length
    ? `?${new URLSearchParams(named.map(([name, value]) => [name, String(value)]))}`
    : "";
}

/** Somebody's API keys, at the service. */

import { problemOf } from "../shared/problem";
import { askAuth } from "./account";

/** A key as it is listed: the key itself is shown once, when it is made. */
export interface Key {
  id: string;
  name: string;
  /** What it is recognised by. */
  hint: string;
  /** Times as ISO 8601. */
  created: string;
  expires: string | null;
  /** Made by hand, or by `hush login`. */
  kind: "key" | "login";
}

/** Returns all keys, newest first. */
export async function listKeys(): Promise<Key[]> {
  const { keys } = (await (await ask("GET", "keys")).json()) as { keys: Key[] };
  return keys.sort((one, other) => other.created.localeCompare(one.created));
}

/**
 * Makes a key and returns it.
 *
 * @param days - How long it is good for; null for ever.
 */
export async function createKey(name: string, days: number | null): Promise<string> {
  const made = (await (await ask("POST", "keys", { name, days })).json()) as { key: string };
  return made.key;
}

export async function revokeKey(id: string): Promise<void> {
  await ask("DELETE", `keys/${encodeURIComponent(id)}`);
}

/** Ends the session in this browser. */
export async function signOut(): Promise<void> {
  await ask("POST", "logout", {});
}

async function ask(method: string, path: string, body?: unknown): Promise<Response> {
  let response: Response;
  try {
    response = await askAuth(method, path, body);
  } catch {
    throw new Error("The service cannot be reached");
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  const message = problem?.message ?? `the service answered ${response.status}`;
  throw new Error(`${message[0].toUpperCase()}${message.slice(1)}`);
}

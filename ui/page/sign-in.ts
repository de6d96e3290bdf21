/** What the service says of who is signed in, and the words for it. */

import { duration } from "./figures";

/** What a day has, or what of it was used. */
export interface Amount {
  requests: number;
  seconds: number;
}

/** Somebody who is signed in, as GET auth/me describes them. */
export interface Person {
  sign_in: true;
  signed_in: true;
  login: string;
  name: string | null;
  administrator: boolean;
  usage: Amount;
  /** Null if there are none. */
  limits: Amount | null;
  /** When the day ends, as ISO 8601. */
  resets: string;
}

/** Nobody, who may send pictures if `anonymous`. */
export interface Nobody {
  sign_in: true;
  signed_in: false;
  anonymous: boolean;
  usage: Amount | null;
  limits: Amount | null;
}

export type Me = Person | Nobody | { sign_in: false };

/** Whether nothing can be sent before somebody signs in. */
export function mustBeSignedIn(who: Me | null): boolean {
  return who?.sign_in === true && !who.signed_in && !who.anonymous;
}

/** What to say when signing in ended without it; null for what nobody knows. */
export function outcomeWords(code: string): string | null {
  switch (code) {
    case "denied":
      return "You are not signed in: GitHub says that you did not allow it.";
    case "not-permitted":
      return "This GitHub account may not use this service. Whoever runs it can let you in.";
    case "expired":
      return "Signing in took too long. Please try again.";
    case "failed":
      return "Signing in did not work. Please try again.";
    case "unavailable":
      return "Nobody can sign in at the moment. Please try again in a few minutes.";
    default:
      return null;
  }
}

/** Writes seconds of speech as a quota: 40 s, 2 h 32 min, 10 h. */
export function speech(seconds: number): string {
  return duration(Math.round(seconds)).replace(/ 0 (min|s)$|\.0(?= s$)/, "");
}

/** Returns the share of a limit that was used, 0 to 1. */
export function share(used: number, limit: number): number {
  return limit > 0 ? Math.min(1, used / limit) : 1;
}

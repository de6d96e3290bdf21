/** A part of a section: what is known of it, or why it is not. */

import type { ComponentChildren } from "preact";
import { isUnknown, type Unknown } from "./answers";
import type { Polled } from "./polled";
import "./part.css";

/**
 * A part with its title.
 *
 * `known` is null until it was told; what is `unknown` says why, and leaves the others as they are.
 */
export function Part<Known extends object>({
  title,
  known,
  actions,
  children,
}: {
  title: string;
  known: Known | Unknown | null;
  actions?: ComponentChildren;
  children: (known: Known) => ComponentChildren;
}) {
  const id = `part-${title.toLowerCase().replaceAll(" ", "-")}`;
  return (
    <section class="part" aria-labelledby={id}>
      <div class="part-head">
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      {known === null ? (
        <p class="part-note">Asking…</p>
      ) : isUnknown(known) ? (
        <p class="message part-unknown">Not known now: {known.unknown}</p>
      ) : (
        children(known)
      )}
    </section>
  );
}

/** What went wrong with asking, over what was known before. */
export function Problem<Answer>({ polled }: { polled: Polled<Answer> }) {
  const { problem, at, again } = polled;
  if (!problem) return null;
  return (
    <p role="alert" class="message problem part-problem">
      <span>
        {problem}
        {at !== null && ` What you see is of ${new Date(at).toLocaleTimeString([])}.`}
      </span>
      <button type="button" class="small-button" onClick={again}>
        Ask now
      </button>
    </p>
  );
}

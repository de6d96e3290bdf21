/** A long list, page by page: the API gives a page and where the next one begins. */

import { useState } from "preact/hooks";
import { ask, query } from "./asking";
import { type Polled, usePolled } from "./polled";
import { CALM } from "./polling";

/** A page of a list, and the ways to its neighbours. */
export interface Paged<Answer> {
  polled: Polled<Answer>;
  /** Counted from one. */
  number: number;
  next: (() => void) | null;
  previous: (() => void) | null;
}

/** Asks for a page of what is at `path`; another filter begins with its first page. */
export function usePaged<Answer extends { after: string | null }>(
  path: string,
  filter: Record<string, string | number | null>,
): Paged<Answer> {
  const about = query(filter);
  const [{ of, cursors }, setPlace] = useState<{ of: string; cursors: string[] }>({
    of: about,
    cursors: [],
  });
  const trail = of === about ? cursors : [];
  const address = `${path}${query({ ...filter, after: trail.at(-1) ?? null })}`;
  const polled = usePolled<Answer>((signal) => ask("GET", address, { signal }), CALM, address);
  const after = polled.answer?.after ?? null;
  const go = (to: string[]) => setPlace({ of: about, cursors: to });
  return {
    polled,
    number: trail.length + 1,
    next: after === null ? null : () => go([...trail, after]),
    previous: trail.length === 0 ? null : () => go(trail.slice(0, -1)),
  };
}

/** The ways to the neighbours of a page; nothing where there is one page alone. */
export function Pages<Answer>({ paged, name }: { paged: Paged<Answer>; name: string }) {
  const { number, next, previous } = paged;
  if (!next && !previous) return null;
  return (
    <nav class="pages" aria-label={`Pages of ${name}`}>
      <button type="button" class="small-button" disabled={!previous} onClick={() => previous?.()}>
        Previous
      </button>
      <p aria-live="polite">Page {number}</p>
      <button type="button" class="small-button" disabled={!next} onClick={() => next?.()}>
        Next
      </button>
    </nav>
  );
}

/** Says why a page is empty: a search looks at so many at once, and goes on with the next page. */
export function emptyWords(search: string, after: string | null, without: string): string {
  if (!search) return without;
  if (after !== null) return `None among these is called “${search}”: Next looks at more.`;
  return `None is called “${search}”.`;
}

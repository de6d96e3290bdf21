/** Keeps the newest line of a text in sight, until its reader looks at something else. */

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** How near the end a reader has to be to be at it, in CSS pixels. */
const NEAR_END = 40;

/** What a text that follows its end tells and takes. */
export interface Following {
  /** Whether its reader scrolled away from its end. */
  away: boolean;
  /** Goes to its end, and follows it again. */
  toNewest: () => void;
  /** Shows an element at the top, unless its reader scrolled. */
  toTop: (element: HTMLElement) => void;
  onScroll: () => void;
}

/**
 * Follows the end of a text as it grows, unless its reader scrolled up.
 *
 * @param text - the element that scrolls, with one child that grows
 * @param live - whether what comes is being said now
 * @param held - whether somebody is at work in it: their place stays in sight
 */
export function useFollowing(
  text: RefObject<HTMLElement | null>,
  live: boolean,
  held: boolean,
): Following {
  const [away, setAway] = useState(false);
  const followed = useRef(live);
  followed.current = live && !away && !held;
  const lastTop = useRef(0);
  /** Where the text was put last: where it is elsewhere, its reader scrolled. */
  const put = useRef(0);
  const toPlace = (top: number) => {
    text.current?.scrollTo({ top });
    put.current = text.current?.scrollTop ?? 0;
  };
  const toEnd = () => toPlace(text.current?.scrollHeight ?? 0);
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (followed.current) toEnd();
    });
    const element = text.current as HTMLElement;
    observer.observe(element);
    observer.observe(element.firstElementChild as Element);
    return () => observer.disconnect();
  }, [text]);
  useEffect(() => {
    setAway(false);
    if (live) toEnd();
  }, [live]);
  useEffect(() => {
    if (held) setAway(true);
  }, [held]);
  return {
    away: live && away,
    toNewest() {
      setAway(false);
      toEnd();
      // The button is gone then.
      text.current?.focus({ preventScroll: true });
    },
    toTop(element) {
      if (Math.abs((text.current?.scrollTop ?? 0) - put.current) <= 1) toPlace(element.offsetTop);
    },
    onScroll() {
      const { scrollHeight, scrollTop, clientHeight } = text.current as HTMLElement;
      const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
      // A text that grows leaves its reader where they are: only they go up.
      if (atEnd) setAway(false);
      else if (scrollTop < lastTop.current - 1) setAway(true);
      lastTop.current = scrollTop;
    },
  };
}

/** Tells styles where an element begins, in `--top`, so that it can end where the screen does. */
export function useTop(element: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const { current } = element;
    const main = current?.closest("main");
    if (!current || !main) return;
    const observer = new ResizeObserver(() => {
      const top = Math.round(current.getBoundingClientRect().top + scrollY);
      current.style.setProperty("--top", `${top}px`);
    });
    for (const part of [document.body, ...main.children]) observer.observe(part);
    return () => observer.disconnect();
  }, [element]);
}

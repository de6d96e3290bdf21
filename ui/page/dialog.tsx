/** The shell of every dialog. A button, Escape and the page behind it close it. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CloseIcon } from "./icons";
import "./dialog.css";

/**
 * A dialog over the page, open as long as it is rendered.
 *
 * `name` is what its class and the id of its title begin with; `actions` are buttons beside the
 * title; `close` is called when it was closed.
 */
export function Dialog({
  name,
  title,
  actions,
  close,
  onKeyDown,
  children,
}: {
  name: string;
  title: ComponentChildren;
  actions?: ComponentChildren;
  close: () => void;
  onKeyDown?: (event: KeyboardEvent) => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class={`dialog ${name}-dialog`}
      aria-labelledby={`${name}-title`}
      onClose={close}
      closedby="any"
      {...(onKeyDown && { onKeyDown })}
    >
      <header class="dialog-head">
        <h2 id={`${name}-title`}>{title}</h2>
        {actions}
        <button
          type="button"
          class="icon-button"
          aria-label="Close"
          onClick={() => dialog.current?.close()}
        >
          <CloseIcon />
        </button>
      </header>
      {children}
    </dialog>
  );
}

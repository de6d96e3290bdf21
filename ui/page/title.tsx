/** What a recording is called, and the way to call it something else. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Recording, titleOf } from "../shared/messages";
import { MendIcon } from "./icons";
import { rename } from "./library";
import { plain } from "./typography";

/**
 * A title that is renamed where it stands: Enter or leaving it keeps it, Escape does not.
 *
 * `lead` is called by who wants to see the recording, where it is elsewhere.
 */
export function Title({ recording, lead }: { recording: Recording; lead?: () => void }) {
  const [renaming, setRenaming] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const byKey = useRef(false);
  const title = titleOf(recording);
  useLayoutEffect(() => {
    if (!renaming && byKey.current) button.current?.focus();
    byKey.current = false;
  }, [renaming]);
  if (renaming) {
    return (
      <TitleField
        title={title}
        done={(written, isByKey) => {
          byKey.current = isByKey;
          setRenaming(false);
          const name = written === null ? title : plain(written);
          if (name !== title) rename(recording, name === recording.name ? "" : name);
        }}
      />
    );
  }
  return (
    <>
      {lead ? (
        <button type="button" class="title-button" onClick={lead}>
          {title}
        </button>
      ) : (
        <span>{title}</span>
      )}
      <button
        ref={button}
        type="button"
        class="icon-button rename-button"
        aria-label={`Rename ${title}`}
        title="Rename"
        onClick={() => setRenaming(true)}
      >
        <MendIcon />
      </button>
    </>
  );
}

/** The field for a name; `done` takes null where it was taken back, and whether by a key. */
function TitleField({
  title,
  done,
}: {
  title: string;
  done: (written: string | null, isByKey: boolean) => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  const left = useRef(false);
  useLayoutEffect(() => field.current?.select(), []);
  const leave = (written: string | null, isByKey: boolean) => {
    if (left.current) return;
    left.current = true;
    done(written, isByKey);
  };
  return (
    <input
      ref={field}
      type="text"
      class="title-field"
      aria-label="Name"
      defaultValue={title}
      // What is long enough for a sentence.
      maxLength={200}
      onBlur={({ currentTarget }) => leave(currentTarget.value, false)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
        // Escape would close a dialog, too.
        event.preventDefault();
        leave(event.key === "Escape" ? null : event.currentTarget.value, true);
      }}
    />
  );
}

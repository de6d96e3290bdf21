/** Asks whether something dangerous is meant: whoever means it types its name. */

import { useState } from "preact/hooks";
import { Dialog } from "../page/dialog";
import { Field } from "../page/field";
import "./confirm-dialog.css";

/** Something dangerous. */
export interface Danger {
  title: string;
  /** What it does, in a sentence or two. */
  does: string;
  /** How it is undone, or that it cannot be. */
  undone: string;
  /** What has to be typed. */
  name: string;
  /** What the button says. */
  act: string;
  /** @throws Error, whose message says why it was not done. */
  perform: () => Promise<void>;
}

export function ConfirmDialog({ danger, close }: { danger: Danger; close: () => void }) {
  const { title, does, undone, name, act, perform } = danger;
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const meant = typed.trim() === name;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!meant || busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await perform();
      close();
    } catch (error) {
      setProblem((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog name="confirm" title={title} close={close}>
      <p>{does}</p>
      <p class="confirm-undone">{undone}</p>
      <form onSubmit={submit}>
        <Field name={`Type “${name}” to confirm`}>
          <input
            type="text"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            autofocus
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </Field>
        {problem && (
          <p role="alert" class="message problem">
            {problem}
          </p>
        )}
        <div class="confirm-actions">
          <button type="button" class="second-button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="main-button stop" disabled={!meant || busy}>
            {act}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The keys, and whether there are any. */

import { Dialog } from "./dialog";
import { choose, settings } from "./settings";
import { SHORTCUTS } from "./shortcuts";
import "./shortcuts-dialog.css";

export function ShortcutsDialog({ close }: { close: () => void }) {
  return (
    <Dialog name="shortcuts" title="Keys" close={close}>
      <dl class="shortcuts">
        {SHORTCUTS.map(({ key, does }) => (
          <div key={key}>
            <dt>
              {key.split("+").map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label class="shortcuts-switch">
        <input
          type="checkbox"
          checked={settings.value.shortcuts}
          onChange={(event) => choose({ shortcuts: event.currentTarget.checked })}
        />
        Use these keys
      </label>
      <p class="field-note">
        While you type, and in dialogs like this one, they are what they are elsewhere.
      </p>
    </Dialog>
  );
}

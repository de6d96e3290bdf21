/** Revoking somebody's key, which is asked about twice. */

import type { Key } from "./answers";
import { ask } from "./asking";
import type { Danger } from "./confirm-dialog";

/** @param done - Called when it is revoked. */
export function keyRevocation(key: Key, done: () => void): Danger {
  return {
    title: `Revoke “${key.name}”`,
    does: `Programs that use this key of ${key.login} stop working within a minute, as do keys that were made with it.`,
    undone: "This cannot be undone: a new key has to be made.",
    name: key.name,
    act: "Revoke",
    perform: async () => {
      await ask("DELETE", `people/${key.person}/keys/${encodeURIComponent(key.id)}`);
      done();
    },
  };
}

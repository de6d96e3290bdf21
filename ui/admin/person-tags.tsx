/** Marks beside a name. */

import type { Person } from "./answers";

/** What is special about somebody. */
export function Tags({ person }: { person: Person }) {
  return (
    <>
      {person.administrator && (
        <span class="tag" data-kind="good">
          administrator
        </span>
      )}{" "}
      {person.blocked ? (
        <span class="tag" data-kind="bad">
          blocked
        </span>
      ) : (
        !person.permitted && <span class="tag">not permitted</span>
      )}{" "}
      {person.limits && <span class="tag">own limits</span>}
    </>
  );
}

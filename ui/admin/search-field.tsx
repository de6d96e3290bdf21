/** A field whose words count when somebody pauses. */

import { useEffect, useState } from "preact/hooks";
import { Field } from "../page/field";

/** How long a pause is, in milliseconds. */
const PAUSE = 300;

export function SearchField({
  name,
  value,
  onSearch,
}: {
  name: string;
  value: string;
  onSearch: (words: string) => void;
}) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => onSearch(typed.trim()), PAUSE);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <Field name={name}>
      <input
        type="search"
        autocomplete="off"
        maxLength={100}
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
    </Field>
  );
}

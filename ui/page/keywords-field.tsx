/** Where names and words to expect are typed. */

import { Field } from "./field";
import { fitting, keywordsIn } from "./keywords";

/** A field for names, which says when they are more than a model takes. */
export function KeywordsField({
  value,
  onInput,
}: {
  value: string;
  onInput: (value: string) => void;
}) {
  const typed = keywordsIn(value);
  const taken = fitting(typed).length;
  const note =
    taken < typed.length
      ? `Only the first ${taken} of these ${typed.length} are sent: a model takes no more`
      : "With commas between them. They are sent with each picture, and spelt as here where they are heard";
  return (
    <Field name="Names and words to expect" note={note}>
      <textarea
        rows={2}
        placeholder="Ada Lovelace, Charles Babbage"
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </Field>
  );
}

/** The languages that can be chosen. */

import { languageName } from "./figures";
import { models } from "./service";

/**
 * Options of a list: to have it detected, and all that a model knows, or any model.
 *
 * `also` is the one that is chosen, while nobody knows what models know.
 */
export function LanguageOptions({ model, also }: { model?: string | undefined; also: string }) {
  const asked = models.value.filter(({ id }) => !model || id === model);
  const known = asked.length ? asked.flatMap(({ languages }) => languages) : ["en", also];
  const languages = [...new Set(known)]
    .filter(Boolean)
    .map((code) => ({ code, name: languageName(code) }))
    .sort((one, other) => one.name.localeCompare(other.name));
  return (
    <>
      <option value="">Detect</option>
      {languages.map(({ code, name }) => (
        <option key={code} value={code}>
          {name}
        </option>
      ))}
    </>
  );
}

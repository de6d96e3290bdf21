/** Named controls, as dialogs have them. */

import type { ComponentChildren } from "preact";
import "./field.css";

/** A control with its name above it and, if need be, a note below. */
export function Field({
  name,
  note = "",
  children,
}: {
  name: string;
  note?: string;
  children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among its children
    <label class="field">
      <span class="field-name">{name}</span>
      {children}
      {note && <span class="field-note">{note}</span>}
    </label>
  );
}

/** A choice between few options, all of which can be seen; with what belongs to it below. */
export function Choice<Value extends string>({
  name,
  note = "",
  value,
  options,
  onChoose,
  children,
}: {
  name: string;
  note?: string;
  value: Value;
  options: { value: Value; label: string; disabled?: boolean }[];
  onChoose: (value: Value) => void;
  children?: ComponentChildren;
}) {
  return (
    <fieldset class="field choice">
      <legend class="field-name">{name}</legend>
      <div class="choice-options">
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              disabled={option.disabled ?? false}
              onChange={() => onChoose(option.value)}
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
      {note && <span class="field-note">{note}</span>}
      {children}
    </fieldset>
  );
}

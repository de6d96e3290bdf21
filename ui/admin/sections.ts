/** The sections of the page, and which of them its address names. */

import { signal } from "@preact/signals";

export const SECTIONS = {
  fleet: "Fleet",
  people: "People",
  keys: "Keys",
  costs: "Costs",
  audit: "Audit",
};

export type SectionName = keyof typeof SECTIONS;

export const section = signal<SectionName>("fleet");

/** What the address says beyond the section: whom a link of one section means in another. */
export const sought = signal("");

/** Number of the person whose dialog is open, which shows in itself what can be undone. */
export const shownPerson = signal<string | null>(null);

/** Returns the address of a section, and of someone or something in it. */
export function addressOf(name: SectionName, about = ""): string {
  return about ? `#${name}/${encodeURIComponent(about)}` : `#${name}`;
}

/** Returns what an address's fragment names; the first section where it names none. */
export function read(fragment: string): { name: SectionName; about: string } {
  const [name, about = ""] = fragment.replace(/^#/, "").split("/");
  if (!Object.hasOwn(SECTIONS, name)) return { name: "fleet", about: "" };
  try {
    return { name: name as SectionName, about: decodeURIComponent(about) };
  } catch {
    return { name: name as SectionName, about: "" };
  }
}

/** Shows what the address names, now and whenever it changes. */
export function followAddress(): void {
  const follow = () => {
    const { name, about } = read(location.hash);
    section.value = name;
    sought.value = about;
    shownPerson.value = null;
    document.title = `${SECTIONS[name]} · hush`;
  };
  addEventListener("hashchange", follow);
  follow();
}

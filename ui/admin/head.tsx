/** The head: the name, the way back, who is signed in, and the sections. */

import { me } from "../page/account";
import { Mark, PersonIcon } from "../page/icons";
import { access } from "./asking";
import { addressOf, SECTIONS, type SectionName, section } from "./sections";
import "../page/header.css";
import "./head.css";

export function Head() {
  const who = me.value;
  return (
    <>
      <header class="head">
        <h1 class="name">
          <Mark />
          hush
        </h1>
        <p class="motto">Administration</p>
        <a class="back" href="./">
          The page
        </a>
        {who?.sign_in && who.signed_in && (
          <p class="who">
            <PersonIcon />
            <span class="visually-hidden">Signed in as </span>
            <span>{who.login}</span>
          </p>
        )}
      </header>
      {access.value === "open" && (
        <nav class="sections" aria-label="Sections">
          {(Object.keys(SECTIONS) as SectionName[]).map((name) => (
            <a
              key={name}
              href={addressOf(name)}
              aria-current={name === section.value ? "page" : undefined}
            >
              {SECTIONS[name]}
            </a>
          ))}
        </nav>
      )}
    </>
  );
}

/** The administrators' page: sections with addresses of their own, each asked for while shown. */

import "../page/base.css";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { Undo } from "../page/undo";
import { access, findAccess, findAccessAgain } from "./asking";
import { AuditSection } from "./audit";
import { CostsSection } from "./costs";
import { FleetSection } from "./fleet";
import { Head } from "./head";
import { KeysSection } from "./keys";
import { NoAccess } from "./no-access";
import { PeopleSection } from "./people";
import { followAddress, type SectionName, section, shownPerson } from "./sections";
import "./admin.css";

/** A session is renewed by whoever asks who they are, and lasts an hour. */
const RENEWED_EVERY = 600_000;

const SHOWN: Record<SectionName, () => preact.JSX.Element> = {
  fleet: FleetSection,
  people: PeopleSection,
  keys: KeysSection,
  costs: CostsSection,
  audit: AuditSection,
};

function Page() {
  useEffect(() => {
    const renew = () => {
      if (!document.hidden && access.peek() === "open") void findAccess();
    };
    const timer = setInterval(renew, RENEWED_EVERY);
    document.addEventListener("visibilitychange", renew);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", renew);
    };
  }, []);
  useEffect(findAccessAgain, []);
  const open = access.value === "open";
  const Shown = SHOWN[section.value];
  return (
    <>
      <Head />
      <main class="administration">{open ? <Shown key={section.value} /> : <NoAccess />}</main>
      {shownPerson.value === null && <Undo />}
    </>
  );
}

followAddress();
void findAccess();
render(<Page />, document.getElementById("app") as HTMLElement);

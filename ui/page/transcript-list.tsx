/** All transcripts: their names, when they were, how long they are, and what can be done with them. */

import { useEffect, useState } from "preact/hooks";
import { titleOf } from "../shared/messages";
import { ExportChoice } from "./export-choice";
import { byteCount } from "./figures";
import { RemoveIcon } from "./icons";
import { leadToRecording } from "./lead";
import { type Take, wholeUtterances } from "./library";
import { textOf } from "./mended";
import { removeTakes } from "./removal";
import { type Storage, storage } from "./storage";
import { Title } from "./title";
import { occasion, utterancesOf } from "./transcript";

/** Transcripts that are listed before somebody asks for more. */
const LISTED = 200;
/** Signs of the first words that are shown. */
const FIRST_WORDS = 160;

/** The list, newest first; `leave` closes the dialog, and goes where a way leads. */
export function TranscriptList({
  takes,
  leave,
}: {
  takes: Take[];
  leave: (way: () => void) => void;
}) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [most, setMost] = useState(LISTED);
  const some = takes.filter(({ recording }) => chosen.has(recording.id));
  const choose = (id: string, isChosen: boolean) => {
    const changed = new Set(chosen);
    if (isChosen) changed.add(id);
    else changed.delete(id);
    setChosen(changed);
  };
  if (!takes.length) return <p class="list-empty">What is said and heard will stand here.</p>;
  return (
    <>
      <AllActions
        takes={some.length ? some : takes}
        chosen={some.length}
        all={some.length === takes.length}
        chooseAll={(isChosen) =>
          setChosen(new Set(isChosen ? takes.map(({ recording }) => recording.id) : []))
        }
      />
      <ul class="transcript-list">
        {takes.slice(0, most).map((take) => (
          <Row
            key={take.recording.id}
            take={take}
            isChosen={chosen.has(take.recording.id)}
            choose={choose}
            leave={leave}
          />
        ))}
      </ul>
      {takes.length > most && (
        <button type="button" class="second-button" onClick={() => setMost(takes.length)}>
          Show all {takes.length}
        </button>
      )}
      <Room />
    </>
  );
}

function AllActions({
  takes,
  chosen,
  all,
  chooseAll,
}: {
  takes: Take[];
  chosen: number;
  all: boolean;
  chooseAll: (isChosen: boolean) => void;
}) {
  const which = chosen ? String(chosen) : "all";
  const ended = takes.filter(({ recording }) => recording.ended !== false);
  return (
    <div class="all-actions">
      <label class="check">
        <input
          type="checkbox"
          checked={all}
          onChange={({ currentTarget }) => chooseAll(currentTarget.checked)}
        />
        {chosen ? `${chosen} chosen` : "Choose all"}
      </label>
      <ExportChoice takes={takes} name={`Export ${which} transcripts`} text={`Export ${which}`} />
      <button
        type="button"
        class="small-button"
        disabled={!ended.length}
        onClick={() => removeTakes(ended)}
      >
        <RemoveIcon />
        Remove {which}
      </button>
    </div>
  );
}

function Row({
  take,
  isChosen,
  choose,
  leave,
}: {
  take: Take;
  isChosen: boolean;
  choose: (id: string, isChosen: boolean) => void;
  leave: (way: () => void) => void;
}) {
  const { recording } = take;
  const title = titleOf(recording);
  const words = utterancesOf(take).map(textOf).find(Boolean) ?? "";
  const signs = Array.from(words);
  return (
    <li class="transcript-row">
      <input
        type="checkbox"
        aria-label={`Choose ${title}`}
        checked={isChosen}
        onChange={({ currentTarget }) => choose(recording.id, currentTarget.checked)}
      />
      <div class="transcript-facts">
        <h3>
          <Title recording={recording} lead={() => leave(() => leadToRecording(recording.id))} />
        </h3>
        <p class="take-figures">
          {occasion(take)}
          {recording.ended === false && ", being heard"}
        </p>
        <p class="first-words">
          {signs.slice(0, FIRST_WORDS).join("")}
          {signs.length > FIRST_WORDS && "…"}
        </p>
      </div>
      <ExportChoice takes={[take]} name={`Export ${title}`} text="Export" />
      <button
        type="button"
        class="icon-button"
        aria-label={`Remove ${title}`}
        title="Remove words and pictures from this device"
        disabled={recording.ended === false}
        onClick={() => removeTakes([take])}
      >
        <RemoveIcon />
      </button>
    </li>
  );
}

/** How much room everything takes. */
function Room() {
  const [room, setRoom] = useState<Storage | null>(null);
  const kept = wholeUtterances.value.filter(({ pictureless }) => !pictureless);
  const bytes = kept.reduce((sum, utterance) => sum + utterance.bytes, 0);
  useEffect(() => {
    void storage().then(setRoom);
  }, [bytes]);
  return (
    <p class="room">
      {kept.length === 1 ? "1 picture is" : `${kept.length} pictures are`} kept: {byteCount(bytes)}.
      {room &&
        ` All in all, this page takes ${byteCount(room.used)} of the ${byteCount(room.allowed)} that this browser allows. ${
          room.persisted
            ? "The browser keeps it until you remove it."
            : "Where the device gets full, the browser may remove it: export what matters."
        }`}
    </p>
  );
}

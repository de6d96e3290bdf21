/** Words in English beside what was said: kept pictures, sent once more when nobody waits. */

import type { Database } from "../shared/database";
import type { Translation, TranslationOrder, Utterance } from "../shared/messages";
import type { Hear } from "./request";

/** Time until what failed is tried again, in milliseconds. */
const PAUSE = 30_000;

/** Puts a translation beside the answer that it is of; `leaves` is whether the picture left for it. */
type Keep = (asked: Utterance, translation: Translation, leaves: boolean) => Promise<void>;

/** Asks for one translation after the other. */
export class Translations {
  readonly #database: Database;
  readonly #hear: Hear;
  readonly #keep: Keep;
  /** The model that is to translate, by utterance. */
  readonly #wanted = new Map<string, string>();
  #busy = false;
  #pause: ReturnType<typeof setTimeout> | undefined;

  /** `hear` asks whoever hears. */
  constructor(database: Database, hear: Hear, keep: Keep) {
    this.#database = database;
    this.#hear = hear;
    this.#keep = keep;
  }

  want({ utterances, model }: TranslationOrder): void {
    for (const utterance of utterances) this.#wanted.set(utterance, model);
  }

  /** Tries at once, whatever failed before. */
  wake(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  /** Sends the next picture unless one is under way; `done` is called when the next may follow. */
  async send(done: () => void): Promise<void> {
    const [next] = this.#wanted;
    if (!next || this.#busy || this.#pause !== undefined) return;
    this.#busy = true;
    const [id, model] = next;
    this.#wanted.delete(id);
    const failure = await this.#translate(id, model);
    this.#busy = false;
    if (failure) {
      this.#wanted.set(id, model);
      this.#pause = setTimeout(() => {
        this.wake();
        done();
      }, failure.after ?? PAUSE);
    } else done();
  }

  /** Translates an utterance, and returns what it has to wait for, if anything. */
  async #translate(id: string, model: string): Promise<{ after: number | null } | null> {
    const utterance = await this.#database.get("segments", id);
    const picture = await this.#database.get("pictures", id);
    if (!utterance?.answer || !picture) return null;
    const { wishes, answer } = utterance;
    const language = wishes.language || (answer.language ?? "");
    const asked = {
      ...utterance,
      wishes: { ...wishes, model, language, task: "translate" as const },
    };
    const result = await this.#hear(asked, picture, new AbortController().signal);
    if (result.kind === "answered") {
      const { text, phrases } = result.answer;
      await this.#keep(utterance, { text, phrases, problem: null }, result.leaves);
    } else if (result.kind === "refused") {
      const { reason: problem, leaves } = result;
      await this.#keep(utterance, { text: "", phrases: [], problem }, leaves);
    } else if (result.kind === "recalled") {
      return { after: 0 };
    } else return { after: "after" in result ? result.after : null };
    return null;
  }
}

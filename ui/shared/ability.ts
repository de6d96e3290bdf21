/** What a model can. */

import type { Task } from "./messages";

/**
 * Whether a model can do what is wanted.
 *
 * @param language - its code; "" where it is to be detected
 */
export function isAble(
  { tasks, languages }: { tasks: readonly string[]; languages: readonly string[] },
  language: string,
  task: Task,
): boolean {
  return tasks.includes(task) && (!language || languages.includes(language));
}

/** Parts of the page that are fetched when they are first shown. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { notice } from "./listening";

/** Returns a component in whose place nothing stands until it was fetched. */
export function lazily<Props extends object>(
  fetched: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  let part: ComponentType<Props> | null = null;
  return function Lazily(props: Props) {
    const [Part, setPart] = useState<ComponentType<Props> | null>(() => part);
    useEffect(() => {
      if (part) return;
      fetched().then(
        (loaded) => {
          part = loaded;
          setPart(() => loaded);
        },
        () => {
          notice.value = "A part of this page could not be fetched: try again later.";
        },
      );
    }, []);
    return Part && <Part {...props} />;
  };
}

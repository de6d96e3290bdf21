import { describe, expect, it } from "vitest";
import { type Press, SHORTCUTS, shortcutOf } from "../../page/shortcuts";

function press(key: string, held: Partial<Press> = {}): Press {
  const none = { shiftKey: false, ctrlKey: false, altKey: false, metaKey: false };
  return { key, ...none, repeat: false, isComposing: false, ...held };
}

describe("a key press", () => {
  it("is a shortcut by its letter, whatever Caps Lock does to it", () => {
    expect(shortcutOf(press("l"))).toBe("L");
    expect(shortcutOf(press("L"))).toBe("L");
    expect(shortcutOf(press("C", { shiftKey: true }))).toBe("Shift+C");
    expect(shortcutOf(press("?", { shiftKey: true }))).toBe("?");
  });

  it.each(["ctrlKey", "altKey", "metaKey", "repeat", "isComposing"] as const)(
    "belongs to others with %s",
    (held) => {
      for (const { key } of SHORTCUTS) {
        expect(shortcutOf(press(key.replace("Shift+", ""), { [held]: true }))).toBeNull();
      }
    },
  );

  it("that is no shortcut is nothing", () => {
    expect(shortcutOf(press("q"))).toBeNull();
    expect(shortcutOf(press("L", { shiftKey: true }))).toBeNull();
    expect(shortcutOf(press("Enter"))).toBeNull();
    expect(shortcutOf(press(" "))).toBeNull();
  });
});

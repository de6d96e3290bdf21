import { beforeAll, expect, it, vi } from "vitest";

type Asking = typeof import("../../admin/asking");
let asking: Asking;

beforeAll(async () => {
  // What a browser has.
  vi.stubGlobal("document", {
    baseURI: "https://hush.example/admin",
    documentElement: { dataset: {} },
  });
  vi.stubGlobal("location", { href: "https://hush.example/admin" });
  vi.stubGlobal("addEventListener", () => {});
  asking = await import("../../admin/asking");
});

const body = (message: string, code: string | null = null) =>
  JSON.stringify({ error: { message, type: "", param: null, code } });

it.each([
  [401, body("sign in"), 0, "Your session has ended: sign in again."],
  [403, body("no", "not_allowed"), 0, "You are no administrator here, or not any more."],
  [
    403,
    body("no", "cross_site"),
    0,
    "Your browser does not say that this page asks: load it again.",
  ],
  [
    404,
    body("there is nothing", "not_found"),
    0,
    "This page may be older than its service: load it again.",
  ],
  [404, "<html>", 0, "This page may be older than its service: load it again."],
  [404, body("nobody has this number", "unknown_person"), 0, "Nobody has this number."],
  [
    409,
    body("the fleet is stopped; lift it first.", "stopped"),
    0,
    "The fleet is stopped; lift it first.",
  ],
  [
    500,
    JSON.stringify({ error: { message: "it failed", request_id: "a1" } }),
    0,
    "It failed (request a1).",
  ],
  [429, body("busy"), 7, "There were too many questions. Ask again in 7 s."],
  [502, "<html>", 0, "The service answered 502. Try again in a minute."],
])("says what %d means: %s", async (status, answer, retryAfter, words) => {
  const response = new Response(answer, { status, headers: { "Retry-After": `${retryAfter}` } });
  expect(await asking.refusal(response)).toMatchObject({
    message: words,
    status,
    retryAfter,
  });
});

it("asks for what was chosen alone", () => {
  expect(asking.query({ search: "", after: null })).toBe("");
  expect(asking.query({ search: "a b&c", after: null, limit: 50 })).toBe(
    "?search=a+b%26c&limit=50",
  );
});

it("finds the service by itself when it can be reached again", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("removeEventListener", () => {});
  const service = vi.fn().mockRejectedValue(new TypeError("no network"));
  vi.stubGlobal("fetch", service);
  await asking.findAccess();
  expect(asking.access.value).toBe("offline");
  const end = asking.findAccessAgain();
  service.mockImplementation(async () => Response.json({ sign_in: true, signed_in: false }));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asking.access.value).toBe("signed-out");
  const asked = service.mock.calls.length;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(service.mock.calls.length).toBe(asked);
  end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

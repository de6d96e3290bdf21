import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { comparable, pauseAfter, poll, type Sight } from "../../admin/polling";

const PACE = { quick: 5_000, slow: 60_000 };

let hidden = false;
let changed = () => {};
const sight: Sight = {
  hidden: () => hidden,
  onChange(callBack) {
    changed = callBack;
    return () => {
      changed = () => {};
    };
  },
};

beforeEach(() => {
  hidden = false;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

function polled(answer: () => unknown) {
  const told: unknown[] = [];
  const ask = vi.fn(async () => answer());
  const question = {
    ask,
    pace: PACE,
    answered: told.push.bind(told),
    failed: told.push.bind(told),
  };
  return { ask, told, poll: poll(question, sight) };
}

it("asks often while something changes, and less often when nothing does", () => {
  expect(pauseAfter(60_000, true, PACE)).toBe(5_000);
  const pauses = [5_000];
  for (let step = 0; step < 8; step++) pauses.push(pauseAfter(pauses[step], false, PACE));
  expect(pauses.slice(0, 4)).toEqual([5_000, 8_000, 12_800, 20_480]);
  expect(pauses.at(-1)).toBe(60_000);
});

it("takes no clock for a change", () => {
  const answer = (now: string, age_seconds: number, queue: number) => ({
    now,
    instances: [{ id: "i-1", age_seconds }],
    traffic: { queue },
  });
  expect(comparable(answer("12:00", 5, 1))).toBe(comparable(answer("12:01", 65, 1)));
  expect(comparable(answer("12:00", 5, 1))).not.toBe(comparable(answer("12:00", 5, 2)));
});

it("asks at once, and again after the pause", async () => {
  let queue = 0;
  const { ask, told } = polled(() => ({ queue: queue++ }));
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual([{ queue: 0 }]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(ask).toHaveBeenCalledTimes(2);
});

it("asks nothing while nobody looks, and at once when somebody does", async () => {
  const { ask } = polled(() => ({}));
  await vi.advanceTimersByTimeAsync(0);
  hidden = true;
  changed();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(ask).toHaveBeenCalledTimes(1);
  hidden = false;
  changed();
  expect(ask).toHaveBeenCalledTimes(2);
});

it("waits as long as a refusal says, and goes on", async () => {
  let refused = true;
  const { ask, told } = polled(() => {
    if (refused) throw Object.assign(new Error("busy"), { retryAfter: 30 });
    return "fine";
  });
  await vi.advanceTimersByTimeAsync(29_000);
  expect(ask).toHaveBeenCalledTimes(1);
  refused = false;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toEqual([expect.objectContaining({ message: "busy" }), "fine"]);
});

it("tells nobody who has stopped asking, nor what was overtaken", async () => {
  const answers: ((answer: string) => void)[] = [];
  const { told, poll } = polled(() => new Promise((resolve) => answers.push(resolve)));
  poll.again();
  answers[0]("old");
  answers[1]("new");
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(["new"]);
  poll.again();
  poll.stop();
  answers[2]("late");
  await vi.advanceTimersByTimeAsync(600_000);
  expect(told).toEqual(["new"]);
  expect(answers).toHaveLength(3);
});

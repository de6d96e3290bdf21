/** What the administration's API answers; docs/http-api.md describes it. */

/** In place of a part that AWS did not tell: one sentence that says why. */
export interface Unknown {
  unknown: string;
}

export type Part<Known extends object> = Known | Unknown;

export function isUnknown(part: object): part is Unknown {
  return "unknown" in part;
}

/** Times are ISO 8601 in UTC, money is in dollars. */
export interface Fleet {
  now: string;
  group: Part<Group>;
  instances: Part<Instance[]>;
  traffic: Part<Traffic>;
  prices: Prices;
}

export interface Group {
  minimum: number;
  maximum: number;
  desired: number;
  awake_until: string | null;
  /** What stopped it, if something did. */
  stopped: string | null;
  suspended: string[];
  /** What the next deployment does to the maximum, in a sentence. */
  next_deployment: string;
}

export interface Instance {
  id: string;
  type: string;
  zone: string;
  market: "spot" | "on-demand";
  launched: string | null;
  age_seconds: number | null;
  state: "starting" | "booting" | "ready" | "leaving";
  version: string | null;
  models: string[];
  pictures_in_flight: number | null;
  gpu_percent: number | null;
  dollars_an_hour: number;
}

export interface Traffic {
  requests_5m: number | null;
  errors_5m: number | null;
  queue: number | null;
  wait_seconds_p50: number | null;
  wait_seconds_p95: number | null;
  /** 0 to 1; null without a responder. */
  responder_share: number | null;
  interruptions_24h: number | null;
}

export interface Prices {
  instance_hour: number;
  wake: number;
  note: string;
}

export interface Charts {
  from: string;
  to: string;
  step_seconds: number;
  series: Series[];
}

export interface Series {
  name: string;
  label: string;
  /** What its values are: as they are, seconds, or parts of one. */
  unit: "count" | "seconds" | "share";
  values: (number | null)[];
}

export interface Deployments {
  stages: Stage[];
}

export interface Stage {
  name: string;
  state: string;
  changed: string | null;
  actions: Action[];
}

export interface Action {
  name: string;
  state: string;
  summary: string | null;
  /** Its last lines, where it failed. */
  log_tail: string[] | null;
  console: string | null;
}

export interface Alarms {
  alarms: Alarm[];
}

export interface Alarm {
  name: string;
  state: string;
  since: string;
  reason: string;
  /** A section of docs/operations.md. */
  runbook: string;
}

/** What a day has. */
export interface Limits {
  requests: number;
  seconds: number;
}

export interface Person {
  /** The account's number on GitHub. */
  id: string;
  login: string;
  name: string;
  tier: string;
  permitted: boolean;
  /** Why they may, or may not, in a sentence. */
  why: string;
  blocked: boolean;
  administrator: boolean;
  sessions: number;
  keys: number;
  seconds_today: number | null;
  requests_today: number | null;
  seconds_30d: number | null;
  requests_30d: number | null;
  last_seen: string | null;
  /** Their own, if they have some. */
  limits: Limits | null;
}

export interface People {
  people: Person[];
  after: string | null;
}

export interface Key {
  id: string;
  /** Its owner's number. */
  person: string;
  login: string;
  name: string;
  /** Made by hand, or by `hush login`. */
  kind: "key" | "login";
  hint: string;
  made: string;
  used: string | null;
  expires: string | null;
  unused_90_days: boolean;
}

export interface Keys {
  keys: Key[];
  after: string | null;
}

/** A browser in which somebody is signed in. */
export interface Session {
  made: string;
  expires: string;
}

export interface PersonInFull extends Person {
  their_keys: Key[];
  their_sessions: Session[];
}

export interface Costs {
  /** Such as "2026-01". */
  month: string;
  to_date: number;
  forecast: number;
  budget: number | null;
  /** What the fleet may cost before it is stopped, and what was counted of that. */
  fleet_bound: number | null;
  fleet_counted: number | null;
  parts: { name: string; dollars: number }[];
  source: "Cost Explorer" | "list prices";
  as_of: string;
  stopped: boolean;
}

export interface Audit {
  events: AuditEvent[];
  after: string | null;
}

export interface AuditEvent {
  time: string;
  kind: string;
  person: string | null;
  login: string | null;
  /** The administrator who did it, if one did. */
  by: string | null;
  details: Record<string, string | number | boolean | null>;
}

// Limits how long a silence of an appliance may last and how large it may be; LinkFailed may be silenced for a short time only.
import { counted } from "../../../values/count.ts";
import { DAY_MS } from "../../../values/time.ts";
import { ownLabels } from "../../../values/own-alerts.ts";
import { malformed } from "../malformed.ts";
import { FORCED_LABELS } from "../labels/labels.ts";
import type { Matcher, PostedSilence } from "./silence.ts";

export interface SilenceLimits {
  /** Of its JSON, as Alertmanager gets it. */
  maxBytes: number;
  /** From now to its end, wherever it starts: otherwise silences in a row could last for ever. */
  maxAheadMs: number;
  /** The same for a silence that covers LinkFailed. */
  maxLinkFailedMs: number;
}

const LINK_FAILED: Readonly<Record<string, string>> = ownLabels("LinkFailed");
/** A rename changes these labels: their present value says nothing about later. */
const CHANGING: ReadonlySet<string> = new Set(FORCED_LABELS);
const SPARING: Matcher = { name: "alertname", value: "LinkFailed", isRegex: false, isEqual: false };

/** The silence, perhaps without LinkFailed; a Failure 400 for one that is too long or too large. */
export function limitSilence(silence: PostedSilence, limits: SilenceLimits, now: Date): PostedSilence {
  const aheadMs = Date.parse(silence.endsAt) - now.getTime();
  if (aheadMs > limits.maxAheadMs)
    throw malformed(`endsAt must be within ${inWords(limits.maxAheadMs)} from now, got "${silence.endsAt}"`);
  const limited = aheadMs > limits.maxLinkFailedMs ? spareLinkFailed(silence, limits.maxLinkFailedMs) : silence;
  const bytes = Buffer.byteLength(JSON.stringify(limited));
  if (bytes > limits.maxBytes)
    throw malformed(`the silence has ${counted(bytes, "byte")}, more than ${limits.maxBytes}`);
  return limited;
}

/** A silence that names LinkFailed is refused; any other that may cover it gets a matcher that excludes it. */
function spareLinkFailed(silence: PostedSilence, mostMs: number): PostedSilence {
  if (silence.matchers.some(sparesLinkFailed)) return silence;
  const naming = silence.matchers.find((one) => one.name === "alertname" && one.value.includes("LinkFailed"));
  if (naming)
    throw malformed(
      `endsAt must be within ${inWords(mostMs)} from now for a silence of LinkFailed, got "${silence.endsAt}"`,
    );
  return { ...silence, matchers: [...silence.matchers, SPARING] };
}

/** True if it certainly does not match LinkFailed. Patterns are not run: they are a stranger's, and Go's differ from JavaScript's. */
function sparesLinkFailed({ name, value, isRegex, isEqual }: Matcher): boolean {
  if (isRegex || CHANGING.has(name)) return false;
  return ((LINK_FAILED[name] ?? "") === value) !== isEqual;
}

const UNITS: readonly [name: string, ms: number][] = [
  ["day", DAY_MS],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
];

function inWords(ms: number): string {
  const [name, unitMs] = UNITS.find(([, unit]) => ms % unit === 0) ?? ["second", 1_000];
  return counted(Math.round(ms / unitMs), name);
}

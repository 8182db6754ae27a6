// The health of a system as one number from 0 to 100 and the reasons for it. docs/health.md tells the weights and why.
import type { Health } from "../systems/index.ts";
import { counted } from "../../values/count.ts";
import { DAY_MS } from "../../values/time.ts";
import { activeShare } from "./reliability.ts";
import type { Flip, Period } from "./reliability.ts";

export interface HealthInputs {
  now: Date;
  status: "unknown" | "active" | "inactive";
  registeredAt: Date | null;
  suspendedAt: Date | null;
  lastInventoryAt: Date | null;
  /** Of the window, oldest first, and the last one before it. */
  flips: readonly Flip[];
  suspensions: readonly Period[];
  /** Significant ones of CHANGES_DAYS; counting may stop at MAX_CHANGES. */
  changes: number;
  openCritical: number;
  openHigh: number;
}

export const WINDOW_DAYS = 30;
export const CHANGES_DAYS = 7;
export const MAX_CHANGES = 100;

/** The most that each reason takes off; together 100. */
const WEIGHTS = { reliability: 40, freshness: 20, changes: 10, alerts: 30 };
/** Half of the time silent takes everything: such a system cannot be relied upon at all. */
const WORST_SHARE = 0.5;
/** Off right now, whatever the past 30 days were like. */
const SILENT_POINTS = 10;
/** Appliances send at least once a day. */
const FRESH_MS = DAY_MS;
const STALE_MS = 7 * DAY_MS;
/** A busy week of an administrator. */
const USUAL_CHANGES = 10;
const CRITICAL_POINTS = 15;
const HIGH_POINTS = 5;

type Reason = Health["reasons"][number];

/** A suspended system is judged as of its suspension. One that was never heard has no score, but a reason. */
export function score(inputs: HealthInputs): Health {
  if (inputs.status === "unknown" || !inputs.registeredAt) return { score: null, reasons: [unknownReason(inputs)] };
  const asOf = inputs.suspendedAt ?? inputs.now;
  const reasons = [
    reliability(inputs, inputs.registeredAt, asOf),
    freshness(inputs, asOf),
    changes(inputs),
    openAlerts("critical_alerts", inputs.openCritical, "critical", CRITICAL_POINTS),
    openAlerts("high_alerts", inputs.openHigh, "high", HIGH_POINTS),
  ].filter((one) => one.points > 0);
  return { score: 100 - sumOf(capAlerts(reasons)), reasons: capAlerts(reasons) };
}

function unknownReason({ registeredAt }: HealthInputs): Reason {
  return registeredAt
    ? { code: "unknown", points: 0, sentence: "The system has registered and not been heard yet." }
    : { code: "unregistered", points: 0, sentence: "The system is not registered." };
}

function reliability(
  { flips, suspensions, status, suspendedAt }: HealthInputs,
  registeredAt: Date,
  asOf: Date,
): Reason {
  const from = new Date(Math.max(registeredAt.getTime(), asOf.getTime() - WINDOW_DAYS * DAY_MS));
  const share = activeShare({ flips, suspensions, from, to: asOf }) ?? 1;
  const lost = portion((1 - share) / WORST_SHARE, WEIGHTS.reliability);
  const isSilent = status === "inactive" && !suspendedAt;
  const percent = share >= 0.999 && share < 1 ? "99.9" : (Math.floor(share * 1000) / 10).toString();
  const heard = `Heard for ${percent} % of the time since ${from.toISOString().slice(0, 10)}`;
  return {
    code: isSilent ? "silent" : "reliability",
    points: isSilent ? Math.max(lost, SILENT_POINTS) : lost,
    sentence: isSilent ? `${heard}, and silent now.` : `${heard}.`,
  };
}

function freshness({ lastInventoryAt }: HealthInputs, asOf: Date): Reason {
  if (!lastInventoryAt)
    return { code: "no_inventory", points: WEIGHTS.freshness, sentence: "No inventory has come yet." };
  const ageMs = asOf.getTime() - lastInventoryAt.getTime();
  const days = Math.floor(ageMs / DAY_MS);
  return {
    code: "stale_inventory",
    points: portion((ageMs - FRESH_MS) / (STALE_MS - FRESH_MS), WEIGHTS.freshness),
    sentence: `The last inventory is ${counted(days, "day")} old.`,
  };
}

function changes({ changes: count }: HealthInputs): Reason {
  return {
    code: "many_changes",
    points: portion((count - USUAL_CHANGES) / (MAX_CHANGES - USUAL_CHANGES), WEIGHTS.changes),
    sentence: `${count >= MAX_CHANGES ? `${MAX_CHANGES} or more significant changes` : counted(count, "significant change")} in ${CHANGES_DAYS} days.`,
  };
}

const openAlerts = (code: string, count: number, severity: string, each: number): Reason => ({
  code,
  points: Math.min(count * each, WEIGHTS.alerts),
  sentence: `${counted(count, `open ${severity} alert`)} on its inventory.`,
});

/** Critical and high alerts share one weight. */
function capAlerts(reasons: Reason[]): Reason[] {
  const critical = reasons.find((one) => one.code === "critical_alerts")?.points ?? 0;
  return reasons
    .map((one) =>
      one.code === "high_alerts" ? { ...one, points: Math.min(one.points, WEIGHTS.alerts - critical) } : one,
    )
    .filter((one) => one.points > 0);
}

/** Rounded up: what is not perfect is not shown as perfect. */
const portion = (share: number, weight: number) => Math.ceil(Math.min(Math.max(share, 0), 1) * weight);

const sumOf = (reasons: Reason[]) => reasons.reduce((sum, one) => sum + one.points, 0);

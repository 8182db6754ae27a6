// Scores the health of a system from 0 to 100, with reasons. docs/health.md explains the weights.
import type { Health } from "../systems/index.ts";
import { counted } from "../../values/count.ts";
import { DAY_MS } from "../../values/time.ts";
import { uptime } from "./uptime.ts";
import type { Flip, Period } from "./uptime.ts";

export interface HealthInputs {
  now: Date;
  status: "unknown" | "active" | "inactive";
  registeredAt: Date | null;
  suspendedAt: Date | null;
  lastInventoryAt: Date | null;
  /** Those of the window, oldest first, and the last one before it. */
  flips: readonly Flip[];
  suspensions: readonly Period[];
  /** Significant changes of the last CHANGES_DAYS days; counting may stop at MAX_CHANGES. */
  changes: number;
  openCritical: number;
  openHigh: number;
}

export const WINDOW_DAYS = 30;
export const CHANGES_DAYS = 7;
export const MAX_CHANGES = 100;

/** Points that each reason takes off at most; 100 together. */
const WEIGHTS = { reliability: 40, freshness: 20, changes: 10, alerts: 30 };
/** Downtime that takes off all points of reliability: half of the period. */
const WORST_DOWNTIME = 0.5;
/** Least points for a system that is silent now, whatever its uptime was. */
const SILENT_POINTS = 10;
/** Appliances send at least once a day. */
const FRESH_MS = DAY_MS;
const STALE_MS = 7 * DAY_MS;
/** Changes of a busy week, which take nothing off. */
const USUAL_CHANGES = 10;
const CRITICAL_POINTS = 15;
const HIGH_POINTS = 5;

type Reason = Health["reasons"][number];

/** A suspended system is scored as of its suspension. A system without any heartbeat has no score, but a reason. */
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
  const share = uptime({ flips, suspensions, from, to: asOf }) ?? 1;
  const lost = portion((1 - share) / WORST_DOWNTIME, WEIGHTS.reliability);
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

/** Critical and high alerts together take off the weight of alerts at most. */
function capAlerts(reasons: Reason[]): Reason[] {
  const critical = reasons.find((one) => one.code === "critical_alerts")?.points ?? 0;
  return reasons
    .map((one) =>
      one.code === "high_alerts" ? { ...one, points: Math.min(one.points, WEIGHTS.alerts - critical) } : one,
    )
    .filter((one) => one.points > 0);
}

/** Rounds up: a score of 100 means that nothing is wrong. */
const portion = (share: number, weight: number) => Math.ceil(Math.min(Math.max(share, 0), 1) * weight);

const sumOf = (reasons: Reason[]) => reasons.reduce((sum, one) => sum + one.points, 0);

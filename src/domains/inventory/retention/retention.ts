// Decides which of a system's records go with time: how old inventories are thinned, in UTC.
import { DAY_MS } from "../../../values/time.ts";

export interface AgeingRecord {
  id: string;
  receivedAt: Date;
  /** When the same document last came again. */
  lastSeenAt: Date;
  pinned: boolean;
  isLatest: boolean;
  /** It, or the record after it, has not been compared yet. */
  awaitsComparison: boolean;
}

/** How many are kept at an age: all, or one of each day, ISO week, month, quarter. */
export const STAGES = ["all", "day", "week", "month", "quarter"] as const;
export type Stage = (typeof STAGES)[number];

export interface Verdict {
  /** By receive time. */
  stage: Stage;
  kept: boolean;
}

/** A receipt of a record's document: the first one, or the last. */
interface Receipt {
  timeMs: number;
  record: number;
}

/**
 * Judges all records of one system that are old enough to be thinned; verdicts come in their order.
 *
 * Of each day, week, month and quarter the earliest receipt is kept. The earliest one is the first to reach an age, and what is
 * kept for a longer span is also kept for the shorter one it lies in; so nothing that was kept or deleted before, and no extra
 * record that stays, ever changes which one is kept: pruning daily leaves what pruning once leaves.
 *
 * Weeks do not fit into months. A month keeps the earliest receipt of the weeks that begin in it; only a month that has
 * nothing but days of a week begun before keeps one of those, beside that week's own.
 */
export function judgeRecords(records: readonly AgeingRecord[], now: Date): Verdict[] {
  const receipts = receiptsOf(records);
  const starts = stageStarts(now);
  const keeps = keepRules(receipts);
  const kept = new Set(receipts.slice(0, 1).map((first) => first.record));
  for (const receipt of receipts) {
    if (keeps[stageOf(receipt.timeMs, starts)](receipt)) kept.add(receipt.record);
  }
  return records.map((record, at) => ({
    stage: stageOf(record.receivedAt.getTime(), starts),
    kept: kept.has(at) || record.pinned || record.isLatest || record.awaitsComparison,
  }));
}

/** Records received before this may be thinned; younger ones all stay. */
export const thinnedBefore = (now: Date) => new Date(stageStarts(now).day);

function receiptsOf(records: readonly AgeingRecord[]): Receipt[] {
  const receipts = records.flatMap(({ receivedAt, lastSeenAt }, record) => {
    const times = new Set([receivedAt.getTime(), Math.max(lastSeenAt.getTime(), receivedAt.getTime())]);
    return [...times].map((timeMs) => ({ timeMs, record }));
  });
  return receipts.sort((left, right) => left.timeMs - right.timeMs || left.record - right.record);
}

type StageStarts = Record<Exclude<Stage, "all">, number>;

/** What ended before such a time, in milliseconds, is in that stage or a later one. */
function stageStarts(now: Date): StageStarts {
  return {
    day: now.getTime() - 7 * DAY_MS,
    week: monthsBefore(now, 1),
    month: monthsBefore(now, 3),
    quarter: monthsBefore(now, 12),
  };
}

/** The end of the month where it has no such day, so that the result never goes back while time goes on. */
function monthsBefore(now: Date, months: number): number {
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth() - months];
  const date = new Date(now);
  date.setUTCFullYear(year, month);
  return Math.min(date.getTime(), Date.UTC(year, month + 1));
}

/** A day, a week, a month is thinned further once the whole of it is old enough: no age ever lacks its oldest part. */
function stageOf(timeMs: number, starts: StageStarts): Stage {
  if (timeMs >= starts.day) return "all";
  if (dayEnd(timeMs) > starts.week) return "day";
  if (weekEnd(timeMs) > starts.month) return "week";
  return monthEnd(timeMs) > starts.quarter ? "month" : "quarter";
}

/** Tells for each stage which receipts it keeps. */
function keepRules(receipts: readonly Receipt[]): Record<Stage, (receipt: Receipt) => boolean> {
  const days = firstOfEach(receipts, (one) => dayOf(one.timeMs));
  const weeks = firstOfEach(receipts, (one) => weekOf(one.timeMs));
  const months = new Map([
    ...firstOfEach(receipts, (one) => monthOf(one.timeMs)),
    ...firstOfEach(receipts.filter(isInWeekOfItsMonth), (one) => monthOf(one.timeMs)),
  ]);
  const inOrder = [...months.values()].sort((left, right) => left.timeMs - right.timeMs);
  const quarters = firstOfEach(inOrder, (one) => quarterOf(one.timeMs));
  const isMonths = (one: Receipt) => months.get(monthOf(one.timeMs)) === one;
  return {
    all: () => true,
    day: (one) => days.get(dayOf(one.timeMs)) === one,
    week: (one) => weeks.get(weekOf(one.timeMs)) === one || (isMonths(one) && !isInWeekOfItsMonth(one)),
    month: isMonths,
    quarter: (one) => quarters.get(quarterOf(one.timeMs)) === one,
  };
}

function firstOfEach(receipts: readonly Receipt[], bucketOf: (receipt: Receipt) => number): Map<number, Receipt> {
  const firsts = new Map<number, Receipt>();
  for (const receipt of receipts) {
    const bucket = bucketOf(receipt);
    if (!firsts.has(bucket)) firsts.set(bucket, receipt);
  }
  return firsts;
}

/** 1 January 1970 was a Thursday; weeks begin on Monday. */
const DAYS_FROM_MONDAY_TO_EPOCH = 3;

const dayOf = (timeMs: number) => Math.floor(timeMs / DAY_MS);
const weekOf = (timeMs: number) => Math.floor((dayOf(timeMs) + DAYS_FROM_MONDAY_TO_EPOCH) / 7);
const mondayOf = (timeMs: number) => (weekOf(timeMs) * 7 - DAYS_FROM_MONDAY_TO_EPOCH) * DAY_MS;
const dayEnd = (timeMs: number) => (dayOf(timeMs) + 1) * DAY_MS;
const weekEnd = (timeMs: number) => mondayOf(timeMs) + 7 * DAY_MS;
const monthEnd = (timeMs: number) => Date.UTC(0, monthOf(timeMs) - 1900 * 12 + 1);
const quarterOf = (timeMs: number) => Math.floor(monthOf(timeMs) / 3);
const isInWeekOfItsMonth = ({ timeMs }: Receipt) => monthOf(mondayOf(timeMs)) === monthOf(timeMs);

function monthOf(timeMs: number): number {
  const date = new Date(timeMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

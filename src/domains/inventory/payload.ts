// The record job's payload: one line of JSON about the document, a line feed, the document's text unread.
import { Permanent } from "../../errors.ts";
import type { IncomingRecord } from "./store.ts";

export function encodeIncoming({ text, ...header }: IncomingRecord): string {
  return `${JSON.stringify(header)}\n${text}`;
}

export function decodeIncoming(payload: string): IncomingRecord {
  const end = payload.indexOf("\n");
  if (end === -1) throw new Permanent("the payload has no header line");
  const header: Omit<IncomingRecord, "text" | "receivedAt"> & { receivedAt: string } = JSON.parse(
    payload.slice(0, end),
  );
  return { ...header, receivedAt: new Date(header.receivedAt), text: payload.slice(end + 1) };
}

/** Diff and notify jobs carry ids only. */
export const encodeRecordId = (recordId: string) => JSON.stringify({ record_id: recordId });

export function decodeRecordId(payload: string): string {
  const { record_id: recordId }: { record_id?: unknown } = JSON.parse(payload);
  if (typeof recordId !== "string") throw new Permanent("the payload names no record");
  return recordId;
}

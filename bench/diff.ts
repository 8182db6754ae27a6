// Measures the processor work of one inventory, as ratios against JSON.parse + JSON.stringify of the same documents in the same run.
import { readDocument } from "../src/domains/inventory/intake/document.ts";
import { compareDocuments } from "../src/domains/inventory/diff/diff.ts";
import type { JsonObject } from "../src/values/json/value.ts";

const FIXTURES = `${import.meta.dir}/../test/support/fixtures/inventories`;
const ROUNDS = 15;

export async function benchDiff() {
  const bytes = await Bun.file(`${FIXTURES}/ns8-inventory.json`).bytes();
  const text = new TextDecoder().decode(bytes);
  const { document } = readDocument(bytes);
  const few = readDocument(new TextEncoder().encode(withFewChanges(text))).document;
  const ceilingMs = medianMs(() => JSON.stringify(JSON.parse(text)), 200);
  const readMs = medianMs(() => readDocument(bytes), 100);
  const diffMs = medianMs(() => compareDocuments(document, few), 100);
  const large = { keyed: elements(4000, true), anonymous: elements(4000, false) };
  return {
    document_bytes: bytes.length,
    parse_and_stringify_ms: rounded(ceilingMs),
    read: { ms: rounded(readMs), ratio: rounded(readMs / ceilingMs), target_ms: 0.6 },
    diff_few_changes: {
      changes: compareDocuments(document, few).length,
      ms: rounded(diffMs),
      ratio: rounded(diffMs / (2 * ceilingMs)),
      target_ms: 1,
    },
    diff_4000_changed_elements: large4000(large.keyed),
    diff_4000_changed_elements_without_identity: large4000(large.anonymous),
  };
}

function large4000({ before, after }: { before: JsonObject; after: JsonObject }) {
  const text = JSON.stringify(before);
  const ceilingMs = medianMs(() => JSON.stringify(JSON.parse(text)), 5);
  const ms = medianMs(() => compareDocuments(before, after), 1);
  return {
    document_bytes: text.length,
    changes: compareDocuments(before, after).length,
    ms: rounded(ms),
    ratio: rounded(ms / (2 * ceilingMs)),
    target_ms: 250,
  };
}

/** One module upgraded, figures moved: what two successive inventories of one appliance differ in. */
function withFewChanges(text: string): string {
  return text
    .replaceAll(/"uptime_seconds": \d+/g, '"uptime_seconds": 999999')
    .replaceAll(/"used_bytes": (\d+)/g, '"used_bytes": 7$1')
    .replace('"version": "4.2.1"', '"version": "4.3.0"');
}

function elements(count: number, identified: boolean): { before: JsonObject; after: JsonObject } {
  const make = (value: string): JsonObject => ({
    facts: {
      things: Array.from({ length: count }, (_, at) => ({
        [identified ? "id" : "label"]: `thing${at}`,
        version: `${value}.${at}`,
        enabled: true,
      })),
    },
  });
  return { before: make("1"), after: make("2") };
}

/** Median of a round's time for one call, in milliseconds. */
function medianMs(call: () => unknown, callsPerRound: number): number {
  for (let at = 0; at < callsPerRound * 2; at++) call();
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    for (let at = 0; at < callsPerRound; at++) call();
    return (performance.now() - start) / callsPerRound;
  });
  return rounds.sort((left, right) => left - right)[ROUNDS >> 1] ?? Number.NaN;
}

const rounded = (value: number) => Number(value.toPrecision(3));

if (import.meta.main) console.log(JSON.stringify(await benchDiff(), null, 2));

// Names the variables of an environment that were most likely meant to be settings.
import type { Environment } from "./environment.ts";
import { closest } from "../values/similar.ts";

export interface Misspelt {
  name: string;
  sentence: string;
}

/** First words of our settings that hardly any other program uses. */
const OURS =
  /^(HEARTBEAT|LINKFAILED|MIMIR|ALERTING|ALERTS|ALERT_HISTORY|INVENTORY|SITE_UNREACHABLE|REGISTER_RATE|BACKUP_(S3|MAX|RATE|LOCK|VERIFY)|DUMP|SYSTEM_(AUTH|KEY))_/;
/** Variables that container engines make for linked services. */
const LINKED = /_SERVICE_(HOST|PORT)|_PORT(_\d|$)/;
/** One slip away from a setting, but OpenSSL's own. */
const FOREIGN = new Set(["SSL_CERT_FILE"]);

/** `settings` are the names that are known, `secrets` those of them that may come from a file. */
export function findMisspelt(
  env: Environment,
  { settings, secrets }: { settings: readonly string[]; secrets: readonly string[] },
): Misspelt[] {
  const known = new Set([...settings, ...secrets.map((name) => `${name}_FILE`)]);
  return Object.keys(env)
    .filter((name) => env[name] !== undefined && !known.has(name) && !LINKED.test(name) && !FOREIGN.has(name))
    .sort()
    .flatMap((name) => {
      const plain = name.endsWith("_FILE") ? name.slice(0, -"_FILE".length) : name;
      if (plain !== name && settings.includes(plain))
        return [{ name, sentence: `${name} is not read: only secrets come from files. Set ${plain}.` }];
      const bare = name.replace(/^MUSTER_/i, "").replaceAll("-", "_");
      const meant = closest(bare, known, slips(bare)) ?? (OURS.test(name) ? nearestOfOurs(bare, known) : undefined);
      const isOurs = meant !== undefined || OURS.test(name);
      if (!isOurs) return [];
      return [{ name, sentence: `${name} is no setting.${meant === undefined ? "" : ` Did you mean ${meant}?`}` }];
    });
}

const nearestOfOurs = (name: string, known: Set<string>) =>
  [...known].find((one) => one.startsWith(`${name}_`)) ?? closest(name, known, name.length / 2);

/** Short names are more likely those of other programs. */
const slips = ({ length }: string) => (length < 6 ? 0 : length < 10 ? 1 : length < 16 ? 2 : 3);

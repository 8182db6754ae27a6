// Slows failed logins down per network and per key: wrong credentials cost little, and right ones are never refused for them.
import type { Clock } from "../../ports/clock.ts";
import type { Limiter } from "../../ports/limiter.ts";
import { openKnown } from "../known.ts";
import { tooMany } from "./throttle.ts";

interface ThrottleDeps {
  /** What logs in, first part of the limiter's keys: `{kind}:{network}` and `{kind}-key:{key}`. */
  kind: string;
  limiter: Limiter;
  clock: Clock;
  failuresPerMinute: number;
  /** Every claim that exists: see `openKnown`. */
  listKnown(): Promise<Uint8Array>;
  /** A login of this network was put off. */
  throttled(network: string): void;
}

interface Login<Found> {
  network: string;
  /** Failures count against it too, from wherever they come, once something was found: made-up keys count nowhere. */
  key?: string;
  /** What must exist for the login to be right, such as a key and the public half of its secret. */
  claim: string;
  /** Looks the claim up, in one statement. */
  find(): Promise<Found | undefined>;
  /** Whether that lets the caller in. */
  opens(found: Found | undefined): boolean;
}

interface Throttle<Found> {
  /** What was found, if it lets the caller in; undefined for a failure; a Failure 429 once there were too many of them. */
  login(login: Login<Found>): Promise<Found | undefined>;
  /** Forgets what was looked up: something of it has changed. */
  forget(): void;
}

const WINDOW_MS = 60_000;
/** A claim that exists is looked up again after so long, however often it is tried meanwhile. */
const LOOKED_UP_MS = 1_000;
/** Claims of which that is remembered; they all exist, so it takes that many real ones to fill it. */
const MOST_LOOKED_UP = 1_000;
const REFUSAL = { code: "auth.throttled", sentence: "too many failed logins" };

export function openThrottle<Found>(deps: ThrottleDeps): Throttle<Found> {
  const { kind, limiter, clock } = deps;
  const failures = { limit: deps.failuresPerMinute, windowMs: WINDOW_MS };
  const known = openKnown({ clock, list: deps.listKnown });
  /** Logins of a network that are being looked up without knowing that their claim exists. */
  const underWay = new Map<string, number>();
  const lookedUp = new Map<string, { found: Promise<Found | undefined>; atMs: number }>();

  const putOff = (network: string, waitSeconds: number) => {
    deps.throttled(network);
    return tooMany(REFUSAL, waitSeconds);
  };

  const budgetsOf = ({ network, key }: Login<Found>) => ({
    ofNetwork: `${kind}:${network}`,
    ofKey: key === undefined ? undefined : `${kind}-key:${key.slice(0, 100)}`,
  });

  /** Seconds until a failure is free again, for the network and for the key. */
  const look = async (login: Login<Found>) => {
    const { ofNetwork, ofKey } = budgetsOf(login);
    const waits = [limiter.peek(ofNetwork, failures), ofKey === undefined ? 0 : limiter.peek(ofKey, failures)];
    return Math.max(...(await Promise.all(waits)));
  };

  const tryFreely = async (login: Login<Found>) => {
    const found = await login.find();
    if (login.opens(found)) return found;
    const { ofNetwork, ofKey } = budgetsOf(login);
    const waits = [await limiter.take(ofNetwork, failures)];
    if (found !== undefined && ofKey !== undefined) waits.push(await limiter.take(ofKey, failures));
    const waitSeconds = Math.max(...waits);
    if (waitSeconds > 0) throw putOff(login.network, waitSeconds);
    return undefined;
  };

  /** No more statements than claims that exist, one a second each, however many are made up or tried with wrong secrets. */
  const tryKnown = async (login: Login<Found>, waitSeconds: number) => {
    if (await known.has(login.claim)) {
      const found = await lookUp(login);
      if (login.opens(found)) return found;
    }
    throw putOff(login.network, waitSeconds);
  };

  const lookUp = ({ claim, find }: Login<Found>): Promise<Found | undefined> => {
    const now = clock.now().getTime();
    const last = lookedUp.get(claim);
    if (last && now - last.atMs >= 0 && now - last.atMs < LOOKED_UP_MS) return last.found;
    const entry = { found: find(), atMs: now };
    lookedUp.delete(claim);
    lookedUp.set(claim, entry);
    // An outage must not be remembered.
    entry.found.catch(() => lookedUp.get(claim) === entry && lookedUp.delete(claim));
    const [oldest] = lookedUp.size > MOST_LOOKED_UP ? lookedUp.keys() : [];
    if (oldest !== undefined) lookedUp.delete(oldest);
    return entry.found;
  };

  return {
    async login(login) {
      const waitSeconds = await look(login);
      const count = underWay.get(login.network) ?? 0;
      // Guesses sent all at once pass the look together; no more of them are looked up at a time than the budget has.
      if (waitSeconds > 0 || count >= failures.limit) return tryKnown(login, waitSeconds);
      underWay.set(login.network, count + 1);
      try {
        return await tryFreely(login);
      } finally {
        const left = (underWay.get(login.network) ?? 1) - 1;
        if (left > 0) underWay.set(login.network, left);
        else underWay.delete(login.network);
      }
    },
    forget: () => lookedUp.clear(),
  };
}

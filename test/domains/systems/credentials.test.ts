// HTTP Basic of appliances: what opens, and the five sentences of refusal in the order they are checked.
import { describe, expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { hashSecret, parseSecret, verifySecret } from "../../../src/domains/systems/credentials/secret.ts";
import { basic, openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";

const beat = (app: TestApp, authorization?: string) =>
  app.request("POST", "/collect/api/systems/heartbeat", authorization === undefined ? {} : { authorization });

test("a registered system is let in with its key and secret", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  expect((await beat(app, system.authorization)).status).toBe(200);
}, 60_000);

test("an imported system is let in with the secret it had, hex or not", async () => {
  await using app = await openTestApp();
  const secret = `zZ-_${"x".repeat(28)}`;
  await app.database.query(
    `with system as (
       insert into systems (id, name, organization_id, system_key, created_at, registered_at)
       values (gen_random_uuid(), 'Old', 'default', 'NETH-OLD', now(), now()) returning id
     ) insert into system_secrets (secret_public, system_id, secret_sha256, created_at) select 'pub', id, $1, now() from system`,
    [hashSecret(secret)],
  );
  expect((await beat(app, basic("NETH-OLD", `my_pub.${secret}`))).status).toBe(200);
}, 60_000);

const VALID_SHAPE = `my_${"a".repeat(20)}.${"b".repeat(40)}`;
const encode = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
const REFUSALS: [what: string, header: string | undefined, message: string][] = [
  ["no header", undefined, "authentication required"],
  ["another scheme", "Bearer abc", "invalid authentication format"],
  ["the scheme in lower case", encode(`k:${VALID_SHAPE}`).replace("Basic", "basic"), "invalid authentication format"],
  ["the scheme in upper case", encode(`k:${VALID_SHAPE}`).replace("Basic", "BASIC"), "invalid authentication format"],
  ["the scheme alone", "Basic", "invalid authentication format"],
  ["no base64", "Basic not base64!", "invalid authentication encoding"],
  ["base64 without its padding", "Basic YTpiYw", "invalid authentication encoding"],
  ["base64 of URLs", "Basic YTpi_-==", "invalid authentication encoding"],
  ["padding in the middle", "Basic YQ==YTpi", "invalid authentication encoding"],
  ["two blanks", "Basic  YTpi", "invalid authentication encoding"],
  ["a header of 10 KB", `Basic ${"YTpi".repeat(2_560)}`, "invalid authentication encoding"],
  ["no colon", encode("no colon at all"), "invalid credentials format"],
  ["an empty secret", encode("k:"), "invalid system credentials"],
  ["an empty key", encode(`:${VALID_SHAPE}`), "invalid system credentials"],
  ["an unknown key", encode(`k:${VALID_SHAPE}`), "invalid system credentials"],
  ["a secret of another shape", encode("k:secret"), "invalid system credentials"],
  ["a colon in the password", encode(`k:${VALID_SHAPE}:more`), "invalid system credentials"],
  ["U+0000 in the key", encode(`k\0:${VALID_SHAPE}`), "invalid system credentials"],
  ["U+0000 in the secret", encode(`k:my_a\0.${"b".repeat(40)}`), "invalid system credentials"],
  ["bytes that are not UTF-8", `Basic ${Buffer.from([255, 58, 254]).toString("base64")}`, "invalid system credentials"],
  ["SQL", encode(`' or 1=1 --:${VALID_SHAPE}`), "invalid system credentials"],
];

describe("refuses with 401, the challenge and its sentence:", async () => {
  test.each(REFUSALS)(
    "%s",
    async (_, header, message) => {
      await using app = await openTestApp();
      const answer = await beat(app, header);
      expect([answer.status, answer.body]).toEqual([401, { code: 401, message, data: null } as never]);
      expect(answer.headers.get("www-authenticate")).toBe('Basic realm="System Authentication"');
      expect(answer.headers.get("retry-after")).toBeNull();
    },
    60_000,
  );
});

test("a key opens only with its own secret, whole and as it was written", async () => {
  await using app = await openTestApp();
  const [one, two] = [await app.addSystem("One"), await app.addSystem("Two")];
  const { system_key: key, system_secret: secret } = one;
  const attempts = [
    basic(key, two.system_secret),
    basic(two.system_key, secret),
    basic(key.toLowerCase(), secret),
    basic(key, secret.toUpperCase()),
    basic(key, ` ${secret}`),
    basic(key, `${secret}0`),
    basic(`${key} `, secret),
  ];
  for (const authorization of attempts) expect((await beat(app, authorization)).status).toBe(401);
  expect((await beat(app, one.authorization)).status).toBe(200);
}, 60_000);

test("unregistered, suspended and erased systems are refused, in the same words as strangers", async () => {
  await using app = await openTestApp();
  const unregistered = await app.addSystem("New", { registered: false });
  const suspended = await app.addSystem("Suspended");
  const erased = await app.addSystem("Erased");
  for (const system of [suspended, erased]) expect((await beat(app, system.authorization)).status).toBe(200);
  await app.app.api.systems.suspend(OWNER, suspended.system_key);
  await app.app.api.systems.erase(OWNER, erased.system_key);
  for (const system of [unregistered, suspended, erased]) {
    const answer = await beat(app, system.authorization);
    expect([answer.status, answer.body.message]).toEqual([401, "invalid system credentials"]);
  }
}, 60_000);

test("no secret and no credential ever reaches the log", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  await beat(app, system.authorization);
  await beat(app, basic(system.system_key, `${system.system_secret}x`));
  await app.request("POST", "/api/systems/register", { body: JSON.stringify({ system_secret: system.system_secret }) });
  await app.admin("POST", `/api/admin/systems/${system.system_key}/rotate`, {});
  const log = app.logged.join("");
  expect(log).not.toContain(system.system_secret.slice(25));
  expect(log).not.toContain(system.authorization.slice(60));
}, 60_000);

test("a secret is stored as salt and digest, and a damaged digest opens nothing", () => {
  const stored = hashSecret("s".repeat(40), Buffer.from("00112233445566778899aabbccddeeff", "hex"));
  expect(stored).toMatch(/^00112233445566778899aabbccddeeff:[0-9a-f]{64}$/);
  expect(verifySecret("s".repeat(40), stored)).toBe(true);
  expect(verifySecret("t".repeat(40), stored)).toBe(false);
  for (const damaged of ["", ":", "00", stored.slice(0, -2), `${stored}00`, "zz:zz"]) {
    expect(verifySecret("s".repeat(40), damaged)).toBe(false);
  }
  expect(parseSecret(`my_pub.${"s".repeat(31)}`)).toBeUndefined();
  expect(parseSecret(`my_pub.${"s".repeat(32)}`)).toEqual({ public: "pub", secret: "s".repeat(32) });
});

test.each([
  "/systems/inventory",
  "/services/mimir/alertmanager/api/v2/alerts",
  "/services/mimir/alertmanager/api/v2/silences",
])(
  "a body that comes to %s while its system is suspended is not heard any more",
  async (path) => {
    await using app = await openTestApp({ MIMIR_URL: "http://127.0.0.1:9" });
    const { authorization, system_key } = await app.addSystem();
    const reading = Promise.withResolvers<void>();
    const suspended = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        reading.resolve();
        await suspended.promise;
        controller.enqueue(Buffer.from("[]"));
        controller.close();
      },
    });
    const answer = app.request("POST", `/collect/api${path}`, { authorization, body });
    await reading.promise;
    await app.app.api.systems.suspend(OWNER, system_key);
    suspended.resolve();
    expect((await answer).status).toBe(401);
  },
  60_000,
);

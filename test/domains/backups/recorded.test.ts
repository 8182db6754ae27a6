// Requests of backups recorded from real appliances, byte for byte over a real socket; the same run on a directory and on S3.
import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../../../src/config/environment.ts";
import { hashSecret } from "../../../src/domains/systems/credentials/secret.ts";
import { openListeningApp } from "../../support/listening.ts";
import { temporaryDirectory } from "../../support/run.ts";
import { openTestS3, s3IsMissing } from "../../support/s3.ts";
import { exchange, openConnection } from "../../support/socket.ts";
import type { Listed, Uploaded } from "./fixture.ts";

const KEY = "NETH-0A1B-2C3D-4E5F-6071-8293-A4B5-C6D7-E8F9";
const AUTHORIZATION = `Basic ${Buffer.from(`${KEY}:my_0123456789abcdef0123.0123456789abcdef0123456789abcdef01234567`).toString("base64")}`;

const recorded = async (name: string) =>
  Buffer.from(await Bun.file(join(import.meta.dir, `../../support/fixtures/requests/${name}.req`)).arrayBuffer());

async function openRecordedApp(env: Environment = {}) {
  const directory = temporaryDirectory("recorded");
  const app = await openListeningApp({ DATA_DIR: directory, ...env });
  await app.database.query(
    `with system as (
       insert into systems (id, name, organization_id, system_key, created_at, registered_at)
       values (gen_random_uuid(), 'Recorded', 'default', $1, now(), now()) returning id
     ) insert into system_secrets (secret_public, system_id, secret_sha256, created_at)
       select '0123456789abcdef0123', id, $2, now() from system`,
    [KEY, hashSecret("0123456789abcdef0123456789abcdef01234567")],
  );
  return {
    ...app,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Upload, list, download, delete, as the appliances do it one after the other. */
async function wholeStory(env: Environment = {}) {
  await using app = await openRecordedApp(env);
  const [ns8, nsec] = [await recorded("ns8-backup"), await recorded("nsec-backup-upload")];
  const uploads: Uploaded[] = [];
  for (const request of [ns8, nsec]) {
    const answer = await exchange(app.main, request);
    expect(answer.status).toBe(201);
    const { data }: { data: Uploaded } = JSON.parse(answer.body);
    const body = request.subarray(request.indexOf("\r\n\r\n") + 4);
    expect(data).toMatchObject({ size: body.length, sha256: Bun.SHA256.hash(body, "hex") });
    uploads.push(data);
  }
  expect(uploads.map((one) => one.filename)).toEqual(["dump.json.gz.gpg", "backup-1795216700.tar.gz.gpg"]);

  const listed = await exchange(app.main, await recorded("nsec-backup-list"));
  const { backups }: { backups: Listed[] } = JSON.parse(listed.body).data;
  expect(backups.map((one) => one.id).sort()).toEqual(uploads.map((one) => one.id).sort());
  for (const one of backups)
    expect(one).toMatchObject({ encryption: "encrypted", state: "kept", mimetype: "application/octet-stream" });

  const id = uploads[1]?.id ?? "";
  const named = async (name: string) =>
    Buffer.from(
      (await recorded(name)).toString("latin1").replace("01a1fb40-f698-7ff7-831b-603d9d29ff42.gpg", id),
      "latin1",
    );
  const response = await fetch(new URL(`/collect/api/systems/backups/${id}`, app.main), {
    headers: { authorization: AUTHORIZATION },
  });
  expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), nsec.subarray(nsec.indexOf("\r\n\r\n") + 4))).toBe(
    0,
  );
  const downloaded = await exchange(app.main, await named("nsec-backup-download"));
  expect([downloaded.status, downloaded.headers["content-length"]]).toEqual([200, "280"]);
  expect((await exchange(app.main, await named("nsec-backup-delete"))).status).toBe(200);
  expect((await exchange(app.main, await named("nsec-backup-download"))).status).toBe(404);

  const large = Buffer.concat([await recorded("ns8-backup-3MB.headers-only"), Buffer.alloc(3_145_728, 0x8c)]);
  using connection = await openConnection(app.main);
  connection.write(large);
  expect((await connection.answer()).status).toBe(100);
  const answer = await connection.answer();
  expect([answer.status, JSON.parse(answer.body).data.size]).toEqual([201, 3_145_728]);
}

test("the appliances' whole story, on a directory", () => wholeStory(), 60_000);

test("what they ask for when it is not there", async () => {
  await using app = await openRecordedApp();
  const listed = await exchange(app.main, await recorded("nsec-backup-list"));
  expect(JSON.parse(listed.body).data).toEqual({ backups: [] });
  for (const name of ["nsec-backup-download", "nsec-backup-delete"]) {
    const answer = await exchange(app.main, await recorded(name));
    expect([answer.status, JSON.parse(answer.body).message]).toEqual([404, "backup not found"]);
  }
}, 60_000);

const missing = s3IsMissing();
describe.skipIf(missing)("on S3 (radosgw)", () => {
  test("the appliances' whole story, and a large backup in ranges", async () => {
    const s3 = await openTestS3();
    const env = {
      S3_ENDPOINT: s3.endpoint,
      S3_ACCESS_KEY: s3.accessKey,
      S3_SECRET_KEY: s3.secretKey,
      BACKUP_S3_USE_PATH_STYLE: "true",
    };
    await wholeStory({ ...env, BACKUP_S3_BUCKET: await s3.createBucket() });

    await using app = await openRecordedApp({ ...env, BACKUP_S3_BUCKET: await s3.createBucket() });
    const bytes = Buffer.alloc(11_000_000);
    for (let start = 0; start < bytes.length; start += 65_536)
      crypto.getRandomValues(bytes.subarray(start, start + 65_536));
    const url = new URL("/api/systems/backups", app.main);
    for (const body of [bytes, new Blob([bytes]).stream()]) {
      const uploaded = await fetch(url, { method: "POST", headers: { authorization: AUTHORIZATION }, body });
      expect(uploaded.status).toBe(201);
      const { data }: { data: Uploaded } = await uploaded.json().then((value) => value as { data: Uploaded });
      expect(data).toMatchObject({ size: bytes.length, sha256: Bun.SHA256.hash(bytes, "hex") });
      const ask = (headers: Record<string, string>) =>
        fetch(`${url}/${data.id}`, { headers: { authorization: AUTHORIZATION, ...headers } });
      const whole = await ask({});
      expect(whole.headers.get("content-length")).toBe(String(bytes.length));
      expect(Buffer.compare(Buffer.from(await whole.arrayBuffer()), bytes)).toBe(0);
      const part = await ask({ range: "bytes=-5000000" });
      expect([part.status, part.headers.get("content-length")]).toEqual([206, "5000000"]);
      expect(Buffer.compare(Buffer.from(await part.arrayBuffer()), bytes.subarray(6_000_000))).toBe(0);
    }
  }, 180_000);
});

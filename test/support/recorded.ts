// Requests recorded from real clients, and the system that they were made with.
import { join } from "node:path";
import { hashSecret } from "../../src/domains/systems/credentials/secret.ts";
import type { TestApp } from "./app.ts";

export const RECORDED_KEY = "NETH-0A1B-2C3D-4E5F-6071-8293-A4B5-C6D7-E8F9";
const RECORDED_SECRET = "0123456789abcdef0123456789abcdef01234567";
const RECORDED_PUBLIC = "0123456789abcdef0123";

export const recorded = (name: string) => Bun.file(join(import.meta.dir, `fixtures/requests/${name}.req`)).bytes();

export async function insertRecordedSystem(app: TestApp, { registered = true } = {}): Promise<void> {
  await app.database.query(
    `with system as (
       insert into systems (id, name, organization_id, system_key, created_at, registered_at)
       values (gen_random_uuid(), 'Recorded', 'default', $1, now(), case when $4 then now() end) returning id
     ) insert into system_secrets (secret_public, system_id, secret_sha256, created_at) select $2, id, $3, now() from system`,
    [RECORDED_KEY, RECORDED_PUBLIC, hashSecret(RECORDED_SECRET), registered],
  );
}

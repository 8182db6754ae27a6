// A test app that keeps its backups in a directory of its own, and words for what tests do with them.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../../../src/config/environment.ts";
import { openTestApp } from "../../support/app.ts";
import type { Answer, TestApp, TestSystem } from "../../support/app.ts";
import { openListeningApp } from "../../support/listening.ts";
import type { ListeningApp } from "../../support/listening.ts";
import { temporaryDirectory } from "../../support/run.ts";

export interface Uploaded {
  id: string;
  filename: string;
  size: number;
  sha256: string;
  mimetype: string;
  uploaded_at: string;
}

export interface Listed extends Uploaded {
  state: string;
  pinned: boolean;
  encryption: string;
  locked_until: string | null;
  verified_at: string | null;
}

export interface Storing {
  directory: string;
  /** Files of the store, finished or not, below DATA_DIR/objects. */
  files(): string[];
}

export async function openStoringApp(env: Environment = {}): Promise<TestApp & Storing> {
  const directory = temporaryDirectory("backups");
  const app = await openTestApp({ DATA_DIR: directory, ...NO_RATE, ...env });
  return storing(app, directory);
}

export async function openListeningStore(env: Environment = {}): Promise<ListeningApp & Storing> {
  const directory = temporaryDirectory("backups");
  const app = await openListeningApp({ DATA_DIR: directory, ...NO_RATE, ...env });
  return storing(app, directory);
}

const NO_RATE = { BACKUP_RATE_LIMIT_PER_MINUTE: "0", BACKUP_RATE_LIMIT_PER_HOUR: "0" };

function storing<App extends TestApp>(app: App, directory: string): App & Storing {
  return {
    ...app,
    directory,
    files: () => filesBelow(join(directory, "objects")),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function filesBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}

/** Told its length, as every real client tells it. */
export function put(
  app: TestApp,
  system: TestSystem,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer<Uploaded>> {
  const length = String(Buffer.byteLength(body));
  return app.request("POST", "/api/systems/backups", {
    authorization: system.authorization,
    body,
    headers: { "content-length": length, "x-filename": "dump.json.gz.gpg", ...headers },
  });
}

export async function list(app: TestApp, system: TestSystem): Promise<Listed[]> {
  const { body } = await app.request<{ backups: Listed[] }>("GET", "/api/systems/backups", {
    authorization: system.authorization,
  });
  return body.data.backups;
}

export function get(
  app: TestApp,
  system: TestSystem,
  id: string,
  headers: Record<string, string> = {},
  method = "GET",
) {
  const url = `http://localhost/api/systems/backups/${id}`;
  return app.app.handle(new Request(url, { method, headers: { authorization: system.authorization, ...headers } }));
}

export const remove = (app: TestApp, system: TestSystem, id: string) =>
  app.request("DELETE", `/api/systems/backups/${id}`, { authorization: system.authorization });

/** Bytes that the organisation's quota counts, kept and reserved. */
export async function usage(app: TestApp, organization = "default"): Promise<number> {
  const [row] = await app.database.query<{ bytes: number }>(
    "select bytes from backup_usage where organization_id = $1",
    [organization],
  );
  return row?.bytes ?? 0;
}

/** Nothing is kept, reserved, stored or half stored. */
export async function traces(app: TestApp & Storing) {
  const [row] = await app.database.query<{ rows: number; uploads: number }>(
    "select (select count(*) from backups) as rows, (select count(*) from backup_uploads) as uploads",
  );
  return { ...row, files: app.files(), bytes: await usage(app) };
}
export const NOTHING = { rows: 0, uploads: 0, files: [], bytes: 0 };

// The test app with its listeners open on loopback ports of the system's choosing.
import type { Environment } from "../../src/config/environment.ts";
import { openTestApp } from "./app.ts";
import type { TestApp } from "./app.ts";
import type { TestDatabase } from "./postgres.ts";

export interface ListeningApp extends TestApp {
  main: string;
  operations: string;
}

export async function openListeningApp(
  env: Environment = {},
  existing?: Pick<TestDatabase, "url" | "database">,
): Promise<ListeningApp> {
  const addresses = { LISTEN_ADDRESS: "127.0.0.1:0", HEALTH_LISTEN_ADDRESS: "127.0.0.1:0" };
  const opened = await openTestApp({ ...addresses, ...env }, existing);
  await opened.app.start();
  const urls = opened.app.listeners.urls();
  if (!urls) throw new Error("the app has no listeners");
  return { ...opened, ...urls };
}

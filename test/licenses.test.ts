// The licences that `muster version --licenses` prints are those of what is carried.
import { expect, test } from "bun:test";
import packageJson from "../package.json" with { type: "json" };
import { LICENSES, describeLicenses } from "../scripts/licenses.ts";
import { runMuster } from "./support/program.ts";

test("src/cli/licenses.txt is of the packages that are installed; bun scripts/licenses.ts rewrites it", async () => {
  expect(await Bun.file(LICENSES).text()).toBe(describeLicenses());
}, 60_000);

test("every package that Muster depends on is named, with Bun and PostgreSQL", async () => {
  const { code, stdout } = await runMuster(["version", "--licenses"]);
  expect(code).toBe(0);
  for (const [name, version] of Object.entries(packageJson.dependencies))
    if (name !== "bun") expect(stdout).toContain(`${name}@${version} (`);
  expect(stdout).toContain("Bun (MIT)");
  expect(stdout).toContain("PostgreSQL Global Development Group");
}, 60_000);

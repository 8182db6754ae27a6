// An import that is killed again and again, and run once more.
import { expect, test } from "bun:test";
import { importMy, chainOf, document } from "../import/fixture.ts";
import { createMyDatabase } from "../import/my-database.ts";
import { openTestApp } from "../support/app.ts";
import { SOURCES } from "../support/program.ts";
import { temporaryDirectory } from "../support/run.ts";

test("cut at any moment and run again, an import gives what one run gives", async () => {
  await using my = await createMyDatabase();
  const systems = [];
  for (let serial = 0; serial < 12; serial += 1) {
    const system = await my.addSystem();
    systems.push(system);
    for (let day = 1; day <= 8; day += 1)
      await my.addInventory(
        system.id,
        `2025-12-0${day}T0${serial % 10}:00:00Z`,
        document(day === 8 ? "1" : String(day % 5)),
      );
  }
  await using whole = await openTestApp();
  await importMy(whole, my);
  await using cut = await openTestApp();
  let kills = 0;
  for (const afterMs of [350, 420, 500, 600, 700, 800, 1000]) {
    const child = Bun.spawn([...SOURCES, "import", "my", "--database-url", my.url], {
      env: { PATH: process.env["PATH"], DATABASE_URL: cut.databaseUrl, DATA_DIR: temporaryDirectory("import") },
      stdout: "ignore",
      stderr: "ignore",
    });
    await Promise.race([child.exited, Bun.sleep(afterMs)]);
    if (child.exitCode === null) kills += 1;
    child.kill("SIGKILL");
    await child.exited;
  }
  expect(kills).toBeGreaterThan(2);
  await importMy(cut, my);
  for (const { id } of systems) {
    const [expected, found] = [await chainOf(whole, id), await chainOf(cut, id)];
    expect(found).toEqual(expected);
    // Of a state that came three times, the old service remembers the first and the last.
    expect(found.versions).toEqual(["1", "2", "3", "4", "0", "2", "1"]);
  }
}, 180_000);

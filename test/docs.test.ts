// The documents' words are true: `sh` blocks are run as they stand, data is parsed, links lead somewhere, verbs and settings exist.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Glob, YAML } from "bun";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { allSettings } from "../src/app/settings.ts";
import { openTestApp } from "./support/app.ts";
import { createSystem } from "./support/documented.ts";
import { openAuthority, openssl } from "./support/certificates.ts";
import { diskDirectory } from "./support/run.ts";
import { ROOT, runMuster, startGateway } from "./support/program.ts";
import type { Gateway } from "./support/program.ts";

const ROOT_PAGES = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/RESULTS.md"];
const PAGES = [...ROOT_PAGES, ...new Glob("docs/**/*.md").scanSync(ROOT)].sort();
const read = (page: string) => readFileSync(join(ROOT, page), "utf8");
const blocksOf = (page: string, language: string) =>
  [...read(page).matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
    .filter(([, of]) => of === language)
    .map(([, , text = ""]) => text);

/** Who runs the commands that need root, a proxy, another machine or an installation of their own. */
const CLAIMS: Record<string, string[]> = {
  "README.md": ["test/slow/readme.slow.ts", "test/cli/install.test.ts", ".ci/run"],
  "CONTRIBUTING.md": [".ci/run"],
  "docs/alerts.md": ["test/domains/alerts/proxy.test.ts"],
  "docs/container.md": ["test/package/docker.package.ts"],
  "docs/dump.md": ["test/dump/dump.test.ts", "test/package/deb.package.ts"],
  "docs/edge.md": ["test/http/activation.test.ts"],
  "docs/import.md": ["test/import/my.test.ts"],
  "docs/postgres.md": ["test/slow/upgrade-postgres.slow.ts", "test/slow/move.slow.ts"],
  "docs/package.md": ["test/package/deb.package.ts"],
};

test.each(PAGES.filter((page) => page !== "README.md"))("%s: its first sentence says when to read it", (page) => {
  const [, first = ""] = /^# .+\n\n(.+)\n/.exec(read(page)) ?? [];
  expect(first).toMatch(/^Read this when /);
});

test("every page of docs/ can be reached from the README", () => {
  const linksOf = (page: string) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#\s]+\.md)/g)].map(([, to = ""]) => join(dirname(page), to));
  const reached = new Set(["README.md"]);
  for (const page of reached) if (PAGES.includes(page)) for (const to of linksOf(page)) reached.add(to);
  expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
});

test.each(PAGES)("%s: every link leads to a file that is there", (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, to = ""]) => to);
  expect(links.filter((to) => !existsSync(join(ROOT, dirname(page), to)))).toEqual([]);
});

test.each(PAGES)("%s: every source file that it names is there", (page) => {
  const named = [...read(page).matchAll(/\b(?:src|test|scripts|bench|sql|systemd|debian)\/[\w./-]*\w\.\w+/g)];
  const files = named.map(([path]) => path);
  expect(files.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test.each(PAGES)("%s: its JSON and YAML can be read", (page) => {
  for (const text of blocksOf(page, "json")) expect(() => JSON.parse(text)).not.toThrow();
  for (const text of blocksOf(page, "yaml")) expect(() => YAML.parse(text)).not.toThrow();
});

test.each(PAGES)("%s: commands that it does not run itself are run by a test", (page) => {
  if (blocksOf(page, "console").length === 0) return;
  expect(CLAIMS[page] ?? []).not.toEqual([]);
  expect((CLAIMS[page] ?? []).filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

test("every verb that the pages name is one", async () => {
  const { stdout } = await runMuster(["help"]);
  const verbs = [...stdout.matchAll(/^ {2}(\w+)/gm)].map(([, verb]) => verb);
  const inBlocks = PAGES.flatMap((page) => [...blocksOf(page, "sh"), ...blocksOf(page, "console")]).join("\n");
  const inText = PAGES.flatMap((page) => [...read(page).matchAll(/`(muster [^`]*)`/g)].map(([, words = ""]) => words));
  const commands = [...inBlocks.split("\n"), ...inText];
  const named = commands.flatMap((line) =>
    [...line.matchAll(/(?:^|bun run |clear-groups )muster ([a-z]+)/g)].map(([, verb = ""]) => verb),
  );
  expect(named.length).toBeGreaterThan(20);
  expect([...new Set(named)].filter((verb) => !verbs.includes(verb) && verb !== "help")).toEqual([]);
}, 60_000);

test("every setting that the pages set is one", () => {
  const ofTests = ["KILL_SEED", "FUZZ_CASES", "NEIGHBOURS_REPORT"];
  const known = [...ofTests, ...allSettings.flatMap(({ env }) => [env, `${env}_FILE`])];
  const assigned = PAGES.flatMap((page) =>
    [...read(page).matchAll(/^(?:Environment=)?([A-Z][A-Z0-9]*_[A-Z0-9_]+)=/gm)].map(([, name = ""]) => name),
  );
  expect(assigned.length).toBeGreaterThan(3);
  expect([...new Set(assigned)].filter((name) => !known.includes(name))).toEqual([]);
});

/** Programs of appliances that are not here: they write down what they were told. */
const APPLIANCE_PROGRAMS = ["uci", "runagent", "systemctl"];
const tools = ["bash", "curl", "gpg", "jq", "dpkg-query"];
const missing = [...tools.filter((tool) => !Bun.which(tool)), ...(openssl ? [] : ["openssl"])];
if (missing.length > 0 && process.env["REQUIRE_SERVICES"])
  throw new Error(`${missing.join(", ")} not installed, and REQUIRE_SERVICES is set.`);
if (missing.length > 0) console.warn(`Skipped: the documents' commands, because ${missing.join(", ")} not installed.`);

describe.skipIf(missing.length > 0)("the commands of", () => {
  let directory: string;
  let gateway: Gateway;
  let env: Record<string, string>;
  beforeAll(async () => {
    directory = diskDirectory("docs");
    const programs = join(directory, "bin");
    mkdirSync(programs, { recursive: true });
    const put = (name: string, script: string) => {
      writeFileSync(join(programs, name), script);
      chmodSync(join(programs, name), 0o755);
    };
    for (const name of APPLIANCE_PROGRAMS) put(name, `#!/bin/sh\necho "${name} $*" >> ${directory}/told\n`);
    const data = join(directory, "data");
    put("muster", `#!/bin/sh\ncd ${ROOT} && DATA_DIR=${data} exec ${process.execPath} src/main.ts "$@"\n`);
    env = { PATH: `${programs}:${process.env["PATH"]}`, HOME: directory };
    gateway = await startGateway({ env: { DATA_DIR: data, MIMIR_URL: "http://127.0.0.1:9/alertmanager" } });
  }, 60_000);
  afterAll(async () => {
    await gateway.stop();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  const run = async (page: string, secret: string, before = "") => {
    const script = blocksOf(page, "sh")
      .join("\necho '-- next block --'\n")
      .replaceAll("https://gateway.example.org", gateway.url)
      .replaceAll("my_…", secret);
    const child = Bun.spawn(["bash", "-euo", "pipefail", "-c", `${before}\n${script}`], {
      cwd: directory,
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    expect(code, `${page}: ${stderr}${stdout}`).toBe(0);
    return { stdout, told: existsSync(join(directory, "told")) ? readFileSync(join(directory, "told"), "utf8") : "" };
  };
  const added = () => createSystem(join(directory, "bin/muster"), env);

  test("docs/appliances/curl.md register a machine, and its beat, inventory, backup and alert are taken", async () => {
    const system = added();
    const { stdout } = await run("docs/appliances/curl.md", system.system_secret);
    expect(stdout).toContain('"message":"heartbeat acknowledged"');
    expect(stdout).toContain('"queue_status":"queued"');
    expect(stdout).toContain('"filename":"etc.tar.gz.gpg"');
    expect(stdout.match(/etc\/hostname/g)).toHaveLength(1);
    const listed = await runMuster(["backups", "list", "--json"], { env: { DATA_DIR: join(directory, "data") } });
    expect(JSON.parse(listed.stdout).backups[0]).toMatchObject({ encryption: "encrypted" });
  }, 60_000);

  test("every page's SQL is answered", async () => {
    const opened = await openTestApp();
    await using app = opened;
    for (const page of PAGES)
      for (const text of blocksOf(page, "sql"))
        for (const statement of text.split(/;\n/).filter((one) => one.trim() !== ""))
          await app.database.query(statement.replace(/^explain analyze /i, ""));
  }, 60_000);

  test("docs/appliances/nethserver8.md register a cluster and set what its programs read", async () => {
    const system = added();
    const { stdout, told } = await run("docs/appliances/nethserver8.md", system.system_secret);
    expect(stdout).toContain("true");
    expect(told).toContain(
      `runagent redis-exec HSET cluster/subscription provider nsent system_id ${system.system_key} auth_token ${system.system_secret} collect_url ${gateway.url}/collect/api/systems migrated 1`,
    );
  }, 30_000);

  test("docs/appliances/nethsecurity.md register a firewall and set what its programs read", async () => {
    const system = added();
    const { stdout, told } = await run("docs/appliances/nethsecurity.md", system.system_secret);
    expect(stdout).toContain("[]");
    expect(told).toContain(`uci set ns-plug.config.system_id=${system.system_key}\n`);
    expect(told).toContain(`uci set ns-plug.config.collect_url=${gateway.url}/collect/api/systems\n`);
    expect(told).toContain("uci commit ns-plug\n");
  }, 30_000);

  test("docs/edge.md copy a renewed certificate, and make one for an appliance", async () => {
    using authority = openAuthority();
    const { cert, key } = authority.issue("server", "localhost");
    const page = "docs/edge.md";
    const lineage = join(directory, "lineage");
    mkdirSync(lineage);
    writeFileSync(join(lineage, "fullchain.pem"), readFileSync(cert));
    writeFileSync(join(lineage, "privkey.pem"), readFileSync(key));
    for (const name of ["ca.pem", "ca.key"])
      writeFileSync(join(directory, name), readFileSync(join(authority.directory, name)));
    // There is no user muster here: files get the group of whoever runs this.
    const script = blocksOf(page, "sh")
      .join("\n")
      .replaceAll("/etc/muster/tls", `${directory}/tls`)
      .replaceAll("-g muster", '-g "$(id -gn)"');
    const child = Bun.spawnSync(["bash", "-euo", "pipefail", "-c", script], {
      cwd: directory,
      env: { ...env, KEY: "NOC-1", RENEWED_LINEAGE: lineage },
    });
    expect(child.exitCode, child.stderr.toString()).toBe(0);
    expect(readFileSync(join(directory, "tls/cert.pem"), "utf8")).toBe(readFileSync(cert, "utf8"));
    const subject = Bun.spawnSync([
      openssl ?? "",
      "x509",
      "-noout",
      "-subject",
      "-in",
      join(directory, "appliance.pem"),
    ]);
    expect(subject.stdout.toString()).toContain("NOC-1");
  }, 30_000);

  test("every page with such commands is among these", () => {
    const source = readFileSync(import.meta.path, "utf8");
    const pages = PAGES.filter((page) => page !== "README.md" && blocksOf(page, "sh").length > 0);
    expect(pages.filter((page) => !source.includes(`"${page} `))).toEqual([]);
  });
});

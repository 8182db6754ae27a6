// The papers of a release: notes, bill of materials, checksums, manual page.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { carriedPackages } from "../scripts/carried.ts";
import { writeSums } from "../scripts/checksums.ts";
import { describeManual } from "../scripts/man-page.ts";
import { debianEntries, foldFragments } from "../scripts/release-notes.ts";
import { describeBill } from "../scripts/sbom.ts";
import { installedServer } from "../src/adapters/postgres/carried/files/unpack.ts";
import { VERBS } from "../src/cli/run.ts";
import { ROOT } from "./support/program.ts";

const CHANGELOG = readFileSync(join(ROOT, "CHANGELOG.md"), "utf8");

describe("the changelog", () => {
  const version = { version: "1.2.0", date: "2027-01-31" };
  const OLD = "# Changelog\n\nIntroduction.\n\n## 1.1.0 - 2026-12-01\n\n### Fixed\n\n- Something.\n";

  test("gets the files of changelog/unreleased as a version on top, what breaks first", () => {
    const fragments = [
      { name: "b.md", text: "Added: lists of\nmany things\n\nThey can be\nfiltered.\n\nAlso sorted.\n" },
      { name: "c.md", text: "Breaking: `old` is gone." },
      { name: "d.md", text: "Added: a verb\n" },
    ];
    expect(foldFragments(OLD, fragments, version)).toBe(
      OLD.replace(
        "## 1.1.0",
        `## 1.2.0 - 2027-01-31

### Breaking

- \`old\` is gone.

### Added

- **Lists of many things.** They can be filtered. Also sorted.
- A verb.

## 1.1.0`,
      ),
    );
  });

  test("is left alone where a file says no kind, the version exists or is none, or there is nothing", () => {
    const fragment = { name: "a.md", text: "Added: a verb" };
    expect(() => foldFragments(OLD, [{ name: "a.md", text: "A verb" }], version)).toThrow(
      "a.md must begin with one of Breaking:, Added:",
    );
    expect(() => foldFragments(OLD, [fragment], { ...version, version: "1.1.0" })).toThrow("has 1.1.0 already");
    expect(() => foldFragments(OLD, [fragment], { ...version, version: "1.2" })).toThrow('got "1.2"');
    expect(() => foldFragments(OLD, [], version)).toThrow("nothing to release");
  });

  test("has a section with a date for the version that is built, and Debian's changelog its entries", () => {
    expect(CHANGELOG).toMatch(new RegExp(`^## ${packageJson.version} - \\d{4}-\\d{2}-\\d{2}$`, "m"));
    const entries = debianEntries(CHANGELOG, packageJson.version);
    expect(entries.length).toBeGreaterThan(10);
    for (const entry of entries) expect(entry).toMatch(/^ {2}\* \S.{0,76}(\n {4}\S.{0,76})*$/);
    expect(entries.join("")).not.toMatch(/\]\(|`|\*\*/);
    expect(() => debianEntries(CHANGELOG, "99.0.0")).toThrow("no section for 99.0.0");
  });

  test("can take up every file that waits in changelog/unreleased", () => {
    const directory = join(ROOT, "changelog/unreleased");
    const names = readdirSync(directory).filter((name) => name !== "README.md");
    const fragments = names.map((name) => ({ name, text: readFileSync(join(directory, name), "utf8") }));
    if (fragments.length > 0)
      expect(foldFragments(CHANGELOG, fragments, { ...version, version: "99.0.0" })).toContain("## 99.0.0");
  });
});

describe("the bill of materials", () => {
  const text = describeBill("amd64", installedServer(), 1_800_000_000);
  const bill = JSON.parse(text);

  test("is CycloneDX 1.6, and the same for the same input", () => {
    expect(bill).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 });
    expect(bill.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(bill.metadata).toMatchObject({
      timestamp: "2027-01-15T08:00:00.000Z",
      component: { type: "application", name: "muster", version: packageJson.version },
    });
    expect(describeBill("amd64", installedServer(), 1_800_000_000)).toBe(text);
    expect(describeBill("arm64", installedServer(), 1_800_000_000)).not.toBe(text);
  });

  test("gives each component a name, a version, one license and a package URL, and each name once", () => {
    expect(bill.components.length).toBeGreaterThan(80);
    for (const component of bill.components) {
      expect(["application", "library", "platform"]).toContain(component.type);
      expect(component.name).toMatch(/^[^@/\s]+$/);
      expect(component.version).toMatch(/^\d+\.\d+/);
      expect(component.purl).toMatch(/^pkg:(npm|generic)\/(%40[^/@]+\/)?[^/@]+@[^@]+$/);
      expect(component.purl).toEndWith(`@${component.version}`);
      expect(component.licenses).toHaveLength(1);
      const [{ license, expression }] = component.licenses;
      expect(license?.id ?? license?.name ?? expression, component.name).toMatch(/^(?!unknown)\w/);
      for (const { alg, content } of component.hashes ?? [])
        expect(content).toMatch(alg === "SHA-512" ? /^[0-9a-f]{128}$/ : /^[0-9a-f]{64}$/);
    }
    const references: string[] = bill.components.map((component: { "bom-ref": string }) => component["bom-ref"]);
    expect(new Set(references).size).toBe(references.length);
  });

  test("has every production dependency with its hash, Bun, PostgreSQL and the libraries beside it", () => {
    const byUrl = new Map<string, { hashes?: unknown }>(
      bill.components.map((component: { purl: string }) => [component.purl, component]),
    );
    for (const { name, version } of carriedPackages().packages) {
      const component = byUrl.get(`pkg:npm/${name.replace("@", "%40")}@${version}`);
      expect(component?.hashes, name).toHaveLength(1);
    }
    for (const [name, version] of Object.entries(packageJson.dependencies))
      expect(byUrl.has(`pkg:npm/${name.replace("@", "%40")}@${version}`), name).toBe(true);
    const names: string[] = bill.components.map((component: { name: string }) => component.name);
    for (const name of ["bun", "postgresql", "openssl", "icu", "libxml2", "libxslt", "zlib", "xz", "ossp-uuid"])
      expect(names).toContain(name);
  });

  test("says of each component what it needs, and leads from Muster to all of them", () => {
    const needs = new Map<string, string[]>(
      bill.dependencies.map(({ ref, dependsOn }: { ref: string; dependsOn: string[] }) => [ref, dependsOn]),
    );
    const reached = new Set<string>([bill.metadata.component["bom-ref"]]);
    for (const ref of reached) for (const needed of needs.get(ref) ?? []) reached.add(needed);
    for (const component of bill.components) expect(reached).toContain(component["bom-ref"]);
    expect(needs.size).toBe(bill.components.length + 1);
  });

  test("names no host but that of its own schema", () => {
    const hosts = [...text.matchAll(/https?:\/\/([^/"]+)/g)].map(([, host]) => host);
    expect([...new Set(hosts)]).toEqual(["cyclonedx.org"]);
  });
});

test("SHA256SUMS is what sha256sum makes of the files of a release, and of no other", () => {
  const directory = mkdtempSync(join(tmpdir(), "muster-sums-"));
  try {
    for (const name of ["muster_1.0.0_arm64.deb", "muster_1.0.0_amd64.deb", "muster_0.9.0_amd64.deb", "other"])
      writeFileSync(join(directory, name), `content of ${name}`);
    expect(writeSums(directory, "muster_1.0.0_")).toEqual(["muster_1.0.0_amd64.deb", "muster_1.0.0_arm64.deb"]);
    const checked = Bun.spawnSync(["sha256sum", "--strict", "--check", "SHA256SUMS"], { cwd: directory });
    expect(checked.stdout.toString()).toBe("muster_1.0.0_amd64.deb: OK\nmuster_1.0.0_arm64.deb: OK\n");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

describe("the manual page", () => {
  const page = describeManual("2026-11-24");

  test("names every verb, action and flag that the command line has", () => {
    const words = page.replaceAll("\\-", "-").replaceAll(/\\f[BIR]/g, "");
    for (const { name, actions } of VERBS) {
      expect(words).toContain(`.SS ${name}\n`);
      for (const [action, { flags }] of Object.entries(actions)) {
        expect(words).toContain(`muster ${name} ${action}`.trim());
        for (const flag of Object.keys(flags)) expect(words).toContain(`--${flag}`);
      }
    }
  });

  const groff = Bun.which("groff");
  if (!groff && process.env["REQUIRE_SERVICES"])
    throw new Error("groff is not installed, and REQUIRE_SERVICES is set.");
  if (!groff) console.warn("Skipped: groff's own check of the manual page, because groff is not installed.");

  test.skipIf(!groff)("is set by groff without a warning, and man finds its name", () => {
    const set = Bun.spawnSync(["groff", "-ww", "-man", "-Tutf8", "-P-cbou"], { stdin: Buffer.from(page) });
    expect([set.exitCode, set.stderr.toString()]).toEqual([0, ""]);
    const lines = set.stdout.toString().split("\n");
    expect(lines).toContain("       muster - appliance gateway: heartbeats, inventories, backups and alerts");
    expect(lines.some((line) => line.includes("muster systems add --name NAME"))).toBe(true);
  });
});

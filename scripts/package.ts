// Makes the Debian packages, dist/muster_VERSION_ARCHITECTURE.deb: `bun run package`, or with amd64 or arm64 just that one. Beside
// each its bill of materials, .cdx.json, and SHA256SUMS of all. Needs dpkg-deb, which every Debian has. The same sources give the
// same bytes.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { COMPLETION_SCRIPTS } from "../src/cli/completion.ts";
import { installedServer } from "../src/adapters/postgres/carried/files/unpack.ts";
import { writeSums } from "./checksums.ts";
import { foreignParts } from "./foreign.ts";
import type { Architecture } from "./foreign.ts";
import { describeManual } from "./man-page.ts";
import { debianEntries } from "./release-notes.ts";
import { describeBill } from "./sbom.ts";

const root = join(import.meta.dir, "..");
/** Debian's names for what Bun calls otherwise. */
const ARCHITECTURES = { amd64: "x64", arm64: "arm64" } satisfies Record<string, Architecture>;
type DebianArchitecture = keyof typeof ARCHITECTURES;

/** 0.2.0-beta.1 comes before 0.2.0 for Debian only when it is written with a tilde. */
const version = packageJson.version.replace("-", "~");
/** Seconds since 1970: every file's time, and the changelog's date. */
const epoch = process.env["SOURCE_DATE_EPOCH"] ?? output("git", "log", "-1", "--format=%ct").trim();

/** Where each shell looks. */
const COMPLETIONS = {
  "bash-completion/completions/muster": COMPLETION_SCRIPTS.bash,
  "zsh/vendor-completions/_muster": COMPLETION_SCRIPTS.zsh,
  "fish/vendor_completions.d/muster.fish": COMPLETION_SCRIPTS.fish,
};

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(ARCHITECTURES)) {
  if (!isArchitecture(name)) throw new Error(`The architecture must be amd64 or arm64, got ${JSON.stringify(name)}`);
  run([process.execPath, join(root, "scripts/build.ts"), "--arch", ARCHITECTURES[name]]);
  const path = makePackage(name);
  writeFileSync(path.replace(/\.deb$/, ".cdx.json"), describeBill(name, serverFor(name), Number(epoch)));
  console.log(
    `${path.slice(root.length + 1)}: ${(statSync(path).size / 1e6).toFixed(1)} MB, and its bill of materials`,
  );
}
console.log(`dist/SHA256SUMS: ${writeSums(join(root, "dist"), `muster_${version}_`).join(", ")}`);

function makePackage(architecture: DebianArchitecture): string {
  const tree = mkdtempSync(join(tmpdir(), "muster-package-"));
  try {
    fill(tree, architecture);
    const path = join(root, `dist/muster_${version}_${architecture}.deb`);
    // xz, because Debian 11 cannot read zstd; a low level, because half of the content is compressed already.
    run(["dpkg-deb", "--root-owner-group", "-Zxz", "-z2", "--build", tree, path], { SOURCE_DATE_EPOCH: epoch });
    return path;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function fill(tree: string, architecture: DebianArchitecture): void {
  const put = (path: string, content: string | Uint8Array, mode = 0o644) => {
    mkdirSync(dirname(join(tree, path)), { recursive: true, mode: 0o755 });
    writeFileSync(join(tree, path), content);
    chmodSync(join(tree, path), mode);
  };
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  const executable = join(root, `dist/${ARCHITECTURES[architecture]}/muster`);
  chmodSync(tree, 0o755);
  mkdirSync(join(tree, "usr/bin"), { recursive: true, mode: 0o755 });
  copyFileSync(executable, join(tree, "usr/bin/muster"));
  chmodSync(join(tree, "usr/bin/muster"), 0o755);
  const unit = read("systemd/muster.service").replace("ExecStart=/usr/local/bin/muster ", "ExecStart=/usr/bin/muster ");
  put("lib/systemd/system/muster.service", unit);
  put("lib/systemd/system/muster.socket", read("systemd/muster.socket"));
  put("etc/muster/muster.env", read("systemd/muster.env.example"), 0o640);
  for (const [path, script] of Object.entries(COMPLETIONS)) put(`usr/share/${path}`, `${script}\n`);
  put("usr/share/doc/muster/copyright", copyright(read("src/cli/licenses.txt")));
  put("usr/share/man/man1/muster.1.gz", Bun.gzipSync(describeManual(day()), { level: 9 }));
  put("usr/share/doc/muster/changelog.gz", Bun.gzipSync(changelog(), { level: 9 }));
  put("DEBIAN/conffiles", "/etc/muster/muster.env\n");
  for (const script of ["postinst", "prerm", "postrm"]) put(`DEBIAN/${script}`, read(`debian/${script}`), 0o755);
  const control = read("debian/control")
    .replace("VERSION", version)
    .replace("ARCHITECTURE", architecture)
    .replace("INSTALLED_SIZE", String(Math.ceil(statSync(executable).size / 1024)));
  put("DEBIAN/control", control);
}

function copyright(carried: string): string {
  return `Muster is licensed under the Apache License, Version 2.0. On Debian systems its text is in
/usr/share/common-licenses/Apache-2.0. The executable carries, under licenses of their own:

${carried}`;
}

function changelog(): string {
  const lines = debianEntries(readFileSync(join(root, "CHANGELOG.md"), "utf8"), packageJson.version);
  const date = new Date(Number(epoch) * 1000).toUTCString().replace("GMT", "+0000");
  return `muster (${version}) stable; urgency=medium\n\n${lines.join("\n")}\n\n -- The Muster developers <muster@example.org>  ${date}\n`;
}

function day(): string {
  return new Date(Number(epoch) * 1000).toISOString().slice(0, 10);
}

/** PostgreSQL's directory that the build has packed. */
function serverFor(architecture: DebianArchitecture): string {
  const own = ARCHITECTURES[architecture];
  return own === process.arch ? installedServer() : foreignParts(root, own).native;
}

function isArchitecture(name: string): name is DebianArchitecture {
  return Object.hasOwn(ARCHITECTURES, name);
}

function run(command: string[], extra: Record<string, string> = {}): void {
  const env = { ...process.env, ...extra };
  const { exitCode } = Bun.spawnSync(command, { cwd: root, env, stdout: "inherit", stderr: "inherit" });
  if (exitCode !== 0) throw new Error(`${command[0]} ended with ${exitCode}.`);
}

function output(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: root });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

// Writes the bill of materials of one package: CycloneDX 1.6 in JSON, made from what is installed and from bun.lock.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { ROOT, carriedPackages } from "./carried.ts";

interface Component {
  type: "application" | "library" | "platform";
  "bom-ref": string;
  group?: string;
  name: string;
  version: string;
  licenses: ({ license: { id: string } | { name: string } } | { expression: string })[];
  purl: string;
  cpe?: string;
  hashes?: { alg: "SHA-512" | "SHA-256"; content: string }[];
}

/** Libraries beside PostgreSQL's programs: by the file that has the version in it, or in its name. */
const LIBRARIES: readonly {
  name: string;
  file: RegExp;
  /** Where the file's bytes say the version; without it the file's name does. */
  inside?: RegExp;
  license: Component["licenses"][number];
  vendor: string;
}[] = [
  {
    name: "openssl",
    file: /^libcrypto\.so\.\d/,
    inside: /OpenSSL (\d+\.\d+\.\d+[a-z]*) /,
    license: { license: { id: "OpenSSL" } },
    vendor: "openssl",
  },
  { name: "icu", file: /^libicuuc\.so\.(\d+\.\d+)/, license: { license: { id: "ICU" } }, vendor: "unicode" },
  {
    name: "libxml2",
    file: /^libxml2\.so\.\d/,
    inside: /(?<!\w)(20\d{3})\0/,
    license: { license: { id: "MIT" } },
    vendor: "xmlsoft",
  },
  {
    name: "libxslt",
    file: /^libxslt\.so\.\d/,
    inside: /(?<!\w)(10\d{3})\0/,
    license: { license: { id: "MIT" } },
    vendor: "xmlsoft",
  },
  {
    name: "zlib",
    file: /^libz\.so\.\d/,
    inside: /deflate (\d+\.\d+\.\d+) /,
    license: { license: { id: "Zlib" } },
    vendor: "zlib",
  },
  {
    name: "xz",
    file: /^liblzma\.so\.\d/,
    inside: /\0(5\.\d+\.\d+)\0/,
    license: { license: { name: "Public domain" } },
    vendor: "tukaani",
  },
  {
    name: "ossp-uuid",
    file: /^libossp-uuid\.so\.\d/,
    inside: /OSSP uuid (\d+\.\d+\.\d+) /,
    license: { license: { id: "MIT" } },
    vendor: "ossp",
  },
];

/** PostgreSQL's own, also the part of it that no server needs. */
const OWN_LIBRARY = /^lib(pq|ecpg|ecpg_compat|pgtypes)\./;

/** Of the package for one architecture, whose PostgreSQL lies in `native`. The same input gives the same text. */
export function describeBill(architecture: "amd64" | "arm64", native: string, epochSeconds: number): string {
  const { packages, direct } = carriedPackages();
  const integrity = readIntegrity();
  const libraries = packages.map(({ key, name, version, license = "" }): Component => {
    const [group, plain = name] = name.startsWith("@") ? name.split("/") : [undefined, name];
    return {
      type: "library",
      "bom-ref": key,
      ...(group !== undefined && { group }),
      name: plain,
      version,
      licenses: [licenseOf(license)],
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      ...hashesOf(integrity.get(key)),
    };
  });
  const postgres = describePostgres(native);
  const root = `muster@${packageJson.version}`;
  const bun: Component = {
    type: "platform",
    "bom-ref": `bun@${Bun.version}`,
    name: "bun",
    version: Bun.version,
    licenses: [{ license: { id: "MIT" } }],
    purl: `pkg:npm/bun@${Bun.version}`,
    ...hashesOf(integrity.get(`bun@${Bun.version}`)),
  };
  const server = postgres[0]?.["bom-ref"] ?? "";
  const bill = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    // Filled in below, from all the rest.
    serialNumber: "",
    version: 1,
    metadata: {
      timestamp: new Date(epochSeconds * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": root,
        name: "muster",
        version: packageJson.version,
        description: packageJson.description,
        licenses: [licenseOf(packageJson.license)],
        purl: `pkg:deb/debian/muster@${packageJson.version}?arch=${architecture}`,
      },
    },
    components: [...libraries, bun, ...postgres],
    dependencies: [
      { ref: root, dependsOn: [...direct, bun["bom-ref"], server].sort() },
      ...packages.map(({ key, needs }) => ({ ref: key, dependsOn: [...needs].sort() })),
      { ref: bun["bom-ref"], dependsOn: [] },
      { ref: server, dependsOn: postgres.slice(1).map((one) => one["bom-ref"]) },
      ...postgres.slice(1).map((one) => ({ ref: one["bom-ref"], dependsOn: [] })),
    ],
  };
  return `${JSON.stringify({ ...bill, serialNumber: serialOf(JSON.stringify(bill)) }, null, 2)}\n`;
}

/** The server first, then the libraries that lie beside it. */
function describePostgres(native: string): Component[] {
  const manifest: { version: string } = JSON.parse(readFileSync(join(native, "../package.json"), "utf8"));
  const [version = manifest.version] = /^\d+\.\d+/.exec(manifest.version) ?? [];
  const directory = join(native, "lib");
  const files = readdirSync(directory).filter((name) => /\.so/.test(name) && !OWN_LIBRARY.test(name));
  const libraries = LIBRARIES.flatMap(({ name, file, inside, license, vendor }): Component[] => {
    const found = files.find((one) => file.test(one));
    if (found === undefined) return [];
    const bytes = readFileSync(join(directory, found));
    const own = inside ? inside.exec(bytes.toString("latin1"))?.[1] : file.exec(found)?.[1];
    if (own === undefined) throw new Error(`The version of ${name} could not be read from ${found}.`);
    return [
      {
        ...nativeComponent(name, dotted(own), license, vendor),
        hashes: [{ alg: "SHA-256", content: Bun.SHA256.hash(bytes, "hex") }],
      },
    ];
  });
  const server = nativeComponent("postgresql", version, { license: { id: "PostgreSQL" } }, "postgresql");
  return [{ ...server, type: "application" }, ...libraries];
}

function nativeComponent(
  name: string,
  version: string,
  license: Component["licenses"][number],
  vendor: string,
): Component {
  return {
    type: "library",
    "bom-ref": `${name}@${version}`,
    name,
    version,
    licenses: [license],
    purl: `pkg:generic/${name}@${version}`,
    cpe: `cpe:2.3:a:${vendor}:${name}:${version}:*:*:*:*:*:*:*`,
  };
}

/** xmlsoft writes 2.9.4 as 20904. */
function dotted(version: string): string {
  const [, major, minor, patch] = /^(\d)(\d\d)(\d\d)$/.exec(version) ?? [];
  return major === undefined ? version : [major, minor, patch].map(Number).join(".");
}

function licenseOf(license: string): Component["licenses"][number] {
  if (license === "") return { license: { name: "unknown" } };
  return /[ ()]/.test(license) ? { expression: license } : { license: { id: license } };
}

/** By `name@version`: the SHA-512 of the package as bun.lock has it. */
function readIntegrity(): Map<string, string> {
  const lock = readFileSync(join(ROOT, "bun.lock"), "utf8");
  const lines = lock.matchAll(/^ {4}"[^"]+": \["([^"]+)".*"sha512-([^"]+)"\],$/gm);
  return new Map([...lines].map(([, key = "", hash = ""]) => [key, Buffer.from(hash, "base64").toString("hex")]));
}

function hashesOf(sha512: string | undefined): Pick<Component, "hashes"> {
  return sha512 === undefined ? {} : { hashes: [{ alg: "SHA-512", content: sha512 }] };
}

/** A UUID made from the content: the same bill has the same one. */
function serialOf(content: string): string {
  const hex = Bun.SHA256.hash(content, "hex");
  const variant = ((parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}

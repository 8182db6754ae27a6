// The image and its compose files say what they should; test/package/docker.package.ts builds and runs the image.
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../package.json";
import { parseConfig, allSettings } from "../src/app/settings.ts";
import { isIgnored, pairsOf, parseDockerfile } from "./support/dockerfile.ts";
import { temporaryDirectory } from "./support/run.ts";
import { ROOT } from "./support/program.ts";

const read = (name: string) => readFileSync(join(ROOT, name), "utf8");
const stages = parseDockerfile(read("Dockerfile"));
const [build, final] = stages;
const all = stages.flatMap((stage) => stage.instructions);
const ofFinal = (name: string) => final?.instructions.filter((one) => one.name === name) ?? [];
const imageEnv = Object.assign({}, ...ofFinal("ENV").map(pairsOf)) as Record<string, string>;

/** A tag that says more than "the newest". */
const isPinned = (image: string) => /^[\w./-]+:[\w.-]*\d[\w.-]*$/.test(image) && !image.endsWith(":latest");

describe("the Dockerfile", () => {
  test("builds in one stage, ships another, both on images whose version it names", () => {
    expect(stages.map((stage) => stage.name)).toEqual(["build", undefined]);
    expect(stages.map((stage) => stage.image).filter((image) => !isPinned(image))).toEqual([]);
  });

  test("has known instructions only, and none that fetches what no lock file names", () => {
    const known = "RUN COPY WORKDIR LABEL ENV EXPOSE VOLUME USER STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD".split(" ");
    expect(all.map((one) => one.name).filter((name) => !known.includes(name))).toEqual([]);
    const fetches = /\bapt-get\b|\bcurl\b|\bwget\b/;
    expect(all.filter((one) => one.name === "RUN" && fetches.test(one.rest))).toEqual([]);
  });

  test("copies what is there and what .dockerignore lets in, and only the executable from the build", () => {
    const ignore = read(".dockerignore");
    const copies = build?.instructions.filter((one) => one.name === "COPY") ?? [];
    const sources = copies.flatMap((one) => one.rest.split(/\s+/).slice(0, -1));
    expect(sources).toContain("src");
    expect(sources.filter((path) => !existsSync(join(ROOT, path)) || isIgnored(ignore, path))).toEqual([]);
    for (const path of ["data", "secrets/database-url", ".git/config", "dist/muster", "node_modules/bun"])
      expect(isIgnored(ignore, path), path).toBe(true);
    expect(ofFinal("COPY").map(({ flags, rest }) => [flags, rest])).toEqual([
      [{ from: "build" }, "/muster/dist/muster /usr/local/bin/muster"],
    ]);
  });

  test("runs as an unprivileged user of its own, by number, who owns the volume that DATA_DIR is", () => {
    const order = final?.instructions.map((one) => one.name) ?? [];
    expect(order.indexOf("USER")).toBeLessThan(order.indexOf("ENTRYPOINT"));
    const [user] = ofFinal("USER");
    expect(user?.rest).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
    expect(ofFinal("RUN")[0]?.rest).toContain(`--uid ${user?.rest.split(":")[0]} `);
    expect(ofFinal("VOLUME").map((one) => one.rest)).toEqual([imageEnv["DATA_DIR"] ?? ""]);
  });

  test("starts, probes and stops without a shell between", () => {
    const words = (name: string) => JSON.parse(ofFinal(name)[0]?.rest.replace(/^CMD /, "") ?? "");
    expect([words("ENTRYPOINT"), words("CMD")]).toEqual([["/usr/local/bin/muster"], ["serve"]]);
    expect(words("HEALTHCHECK")).toEqual(["/usr/local/bin/muster", "health"]);
    // muster health gives up after 4 s by itself, and then says why.
    expect(Number.parseInt(ofFinal("HEALTHCHECK")[0]?.flags["timeout"] ?? "")).toBeGreaterThan(4);
    expect(ofFinal("STOPSIGNAL")[0]?.rest).toBe("SIGTERM");
  });

  test("its settings are Muster's, its ports are those it exposes, and its version is this one", () => {
    const { listenAddress, healthListenAddress } = parseConfig(imageEnv).http;
    expect(Object.keys(imageEnv).filter((name) => !isSetting(name))).toEqual([]);
    expect(ofFinal("EXPOSE")[0]?.rest).toBe(`${listenAddress.port} ${healthListenAddress.port}`);
    expect(pairsOf(ofFinal("LABEL")[0] ?? { name: "", rest: "", flags: {} })).toMatchObject({
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.licenses": "Apache-2.0",
    });
  });
});

interface Service {
  image: string;
  environment?: Record<string, string>;
  secrets?: string[];
  ports?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  stop_grace_period?: string;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: unknown;
  volumes?: string[];
}

interface Compose {
  services: Record<string, Service>;
  secrets?: Record<string, { file: string }>;
  volumes?: Record<string, null>;
}

const alone = Bun.YAML.parse(read("compose.yaml")) as Compose;
const beside = Bun.YAML.parse(read("compose.services.yaml")) as Compose;

describe("the compose files", () => {
  test("alone it is one container with one volume; everything else comes with the second file", () => {
    expect([Object.keys(alone.services), Object.keys(alone.volumes ?? {})]).toEqual([["muster"], ["data"]]);
    expect(Object.keys(beside.services)).toEqual(["muster", "postgres", "redis", "s3"]);
  });

  test("every environment name is a setting, and together they are taken", () => {
    const directory = temporaryDirectory("compose");
    const env = { ...imageEnv, ...alone.services["muster"]?.environment, ...beside.services["muster"]?.environment };
    for (const [name, path] of Object.entries(env).filter(([one]) => one.endsWith("_FILE"))) {
      expect(path).toBe(`/run/secrets/${path.split("/").at(-1)}`);
      env[name] = join(directory, name);
      writeFileSync(env[name], name === "DATABASE_URL_FILE" ? "postgres://muster:x@postgres/muster\n" : "x\n");
    }
    expect(Object.keys(env).filter((name) => !isSetting(name))).toEqual([]);
    const config = parseConfig(env);
    rmSync(directory, { recursive: true });
    expect(config).toMatchObject({ redis: { password: "x" }, objects: { secretKey: "x", endpoint: "http://s3:7070" } });
    expect(parseConfig({ ...imageEnv, ...alone.services["muster"]?.environment }).database.url).toBeUndefined();
  });

  test("no service has more rights than it needs, and each image has a version", () => {
    for (const [name, service] of [...Object.entries(alone.services), ...Object.entries(beside.services)]) {
      if (name === "muster" && service !== alone.services["muster"]) continue;
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
      });
      if (name !== "muster") expect(isPinned(service.image), service.image).toBe(true);
    }
  });

  test("the main port alone is published, on the loopback", () => {
    expect([alone, beside].flatMap((file) => Object.values(file.services).flatMap((one) => one.ports ?? []))).toEqual([
      "127.0.0.1:8081:8081",
    ]);
  });

  test("a stop has time to finish, and Muster starts when what it needs is healthy", () => {
    const graceMs = Number.parseInt(alone.services["muster"]?.stop_grace_period ?? "") * 1_000;
    expect(graceMs).toBeGreaterThan(parseConfig({}).processes.shutdownTimeoutMs + 30_000);
    const needed = Object.entries(beside.services["muster"]?.depends_on ?? {});
    expect(needed.map(([name]) => name)).toEqual(["postgres", "redis", "s3"]);
    for (const [name, { condition }] of needed)
      expect([condition, beside.services[name]?.healthcheck !== undefined]).toEqual(["service_healthy", true]);
  });

  test("every secret and volume that is named is declared, and secrets are kept out of git", () => {
    const services = Object.values(beside.services);
    const secrets = new Set(services.flatMap((one) => one.secrets ?? []));
    expect([...secrets].sort()).toEqual(Object.keys(beside.secrets ?? {}).sort());
    for (const { file } of Object.values(beside.secrets ?? {})) expect(file).toStartWith("./secrets/");
    expect(read(".gitignore").split("\n")).toContain("secrets/");
    const volumes = services.flatMap((one) => one.volumes ?? []).map((one) => one.split(":")[0] ?? "");
    expect(volumes.sort()).toEqual(Object.keys(beside.volumes ?? {}).sort());
  });
});

function isSetting(name: string): boolean {
  return allSettings.some(({ env, secret }) => name === env || (secret === true && name === `${env}_FILE`));
}

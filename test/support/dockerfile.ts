// A Dockerfile as its instructions, for tests that judge them.

export interface Instruction {
  /** In capitals: FROM, RUN, … */
  name: string;
  /** What stands behind it, continued lines joined. */
  rest: string;
  /** `--from=build` as from → build. */
  flags: Record<string, string>;
}

export interface Stage {
  image: string;
  name: string | undefined;
  instructions: Instruction[];
}

/** Throws at a line that is none; comments may stand between continued lines, as engines allow. */
export function parseDockerfile(text: string): Stage[] {
  const lines = text.split("\n").filter((line) => !/^\s*#/.test(line));
  const logical = lines.join("\n").replace(/\\\n/g, " ").split("\n");
  const stages: Stage[] = [];
  for (const line of logical.map((one) => one.trim()).filter((one) => one !== "")) {
    const instruction = parseInstruction(line);
    if (instruction.name === "FROM") stages.push(stageOf(instruction));
    else if (!stages.at(-1)) throw new Error(`${line} stands before the first FROM`);
    else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

function parseInstruction(line: string): Instruction {
  const match = /^([A-Za-z]+)\s+((?:--[a-z-]+=\S+\s+)*)(.+)$/.exec(line);
  if (!match) throw new Error(`not an instruction: ${line}`);
  const [, name = "", options = "", rest = ""] = match;
  const flags = Object.fromEntries(
    [...options.matchAll(/--([a-z-]+)=(\S+)/g)].map(([, key, value]) => [key ?? "", value ?? ""]),
  );
  return { name: name.toUpperCase(), rest: rest.trim(), flags };
}

function stageOf({ rest }: Instruction): Stage {
  const [image = "", , name] = rest.split(/\s+/);
  return { image, name, instructions: [] };
}

/** `A=1 B="two words"`, as ENV and LABEL have them. */
export function pairsOf({ rest }: Instruction): Record<string, string> {
  return Object.fromEntries(
    [...rest.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)].map(([, name, quoted, bare]) => [
      name ?? "",
      quoted ?? bare ?? "",
    ]),
  );
}

/** Whether `.dockerignore` keeps a path out of the build: the last rule that fits it, or a directory above it, decides. */
export function isIgnored(rules: string, path: string): boolean {
  const above = path.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"));
  let ignored = false;
  for (const line of rules.split("\n").map((one) => one.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const glob = new Bun.Glob(line.replace(/^!/, "").replace(/\/$/, ""));
    if (above.some((one) => glob.match(one))) ignored = !line.startsWith("!");
  }
  return ignored;
}

// Describes a template's tree: what parse.ts makes and evaluate.ts walks.

export type Term =
  | { node: "dot" | "nil" }
  | { node: "literal"; value: string | bigint | number | boolean }
  | { node: "overflow"; text: string }
  | { node: "field"; names: string[] }
  | { node: "variable"; variable: number; names: string[] }
  | { node: "function"; name: string }
  | { node: "pipeline"; pipeline: Pipeline }
  | { node: "chain"; of: Term; names: string[] };

export interface Pipeline {
  /** Variables are numbered by their names, so that finding one compares no texts. */
  declares: number[];
  isAssignment: boolean;
  commands: Term[][];
}

export type Step =
  | { node: "text"; text: string }
  | { node: "action"; pipeline: Pipeline }
  | { node: "if" | "with" | "range"; pipeline: Pipeline; body: Step[]; otherwise: Step[] | undefined }
  | { node: "template"; name: string; pipeline: Pipeline | undefined }
  | { node: "break" | "continue" };

export interface Template {
  /** Also the template of the empty name, which a definition can give where nothing else is written. */
  root: Step[];
  defined: Map<string, Step[]>;
}

/** `$`, the data. */
export const ROOT_VARIABLE = 0;

/** What has no fields and takes no arguments. */
export const VALUES: ReadonlySet<Term["node"]> = new Set(["literal", "overflow", "dot", "nil"]);

/** Of such a definition Go says that it defines nothing. */
export const isEmpty = (steps: Step[]) => steps.every((step) => step.node === "text" && step.text.trim() === "");

// Writes what a command says: its answer on stdout, the rest on stderr.
import { write } from "node:fs";

export interface Terminal {
  /** Resolves when the reader has taken it; an OutputFault when stdout takes nothing more. */
  answer(text: string): Promise<void>;
  /** The same for bytes of any length. Returns how many they were. */
  pour(bytes: AsyncIterable<Uint8Array>): Promise<number>;
  /** On stderr. */
  tell(text: string): void;
  /** Width of the terminal that stderr is; undefined where it is none. */
  columns?: number | undefined;
}

export function processTerminal(): Terminal {
  // There is no stream left to report that stderr is full or gone.
  process.stderr.on("error", () => {});
  return {
    // process.stdout loses what a slow reader has not taken when the process ends.
    answer: (text) => writing(async () => void (await Bun.write(Bun.stdout, text))),
    async pour(bytes) {
      let size = 0;
      for await (const chunk of bytes) {
        await writing(() => writeWhole(chunk));
        size += chunk.byteLength;
      }
      return size;
    },
    tell: (text) => void process.stderr.write(text),
    columns: process.stderr.isTTY ? process.stderr.columns || 80 : undefined,
  };
}

const STDOUT = 1;
/** Of a pipe that somebody else made not to block. */
const FULL_MS = 5;

/** By hand: Bun's own writer of stdout says nothing of a full disk. */
async function writeWhole(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) {
    try {
      at += await writeSome(bytes.subarray(at));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      await Bun.sleep(FULL_MS);
    }
  }
}

const writeSome = (bytes: Uint8Array) =>
  new Promise<number>((resolve, reject) =>
    write(STDOUT, bytes, (error, count) => (error ? reject(error) : resolve(count))),
  );

/** Stdout takes nothing more. */
export class OutputFault extends Error {
  override readonly name = "OutputFault";
  constructor(
    readonly code: string,
    cause: unknown,
  ) {
    super(`The answer could not be written: ${WORDS[code] ?? code}.`, { cause });
  }

  /** The reader had enough, as `| head` does. */
  get isReaderGone(): boolean {
    return this.code === "EPIPE";
  }
}

const WORDS: Record<string, string> = {
  ENOSPC: "no space is left where stdout leads (ENOSPC)",
  EDQUOT: "the quota is used up where stdout leads (EDQUOT)",
  EBADF: "stdout is closed (EBADF)",
};

/** Tells faults of stdout from those of databases and files, which have the same codes. */
async function writing(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof Error && "code" in error ? new OutputFault(String(error.code), error) : error;
  }
}

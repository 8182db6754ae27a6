// Files that travel with the program: beside the sources in a checkout, inside the executable once compiled.
import { join } from "node:path";

/** The directory that holds `sql/`; in the executable also the packed PostgreSQL. */
export const embeddedRoot = Bun.isStandaloneExecutable ? import.meta.dir : join(import.meta.dir, "../../..");

// Keeps the other worker busy likewise: run by run.test.ts.
import "./busy.run.ts";

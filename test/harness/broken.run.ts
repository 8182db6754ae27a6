// Cannot be loaded: run by tier.test.ts.
throw new Error("thrown while the file is loaded");

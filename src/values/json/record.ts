// Tells JSON objects from the other values that parsed outside JSON may be.

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

// Gathers the rules in force when INVENTORY_RULES_FILE is not set; docs/inventory-rules.md tells how they read and why.
import { CATEGORY_RULES } from "./builtin-categories.ts";
import { SEVERITY_RULES } from "./builtin-severities.ts";
import { SIGNIFICANCE_RULES } from "./builtin-significance.ts";
import type { RuleSet } from "./rules.ts";

export const BUILTIN_RULES: RuleSet = {
  categories: CATEGORY_RULES,
  severities: SEVERITY_RULES,
  significance: SIGNIFICANCE_RULES,
  important: {
    severities: ["high", "critical"],
    categories: ["modules", "cluster", "nodes", "hardware", "network", "security"],
    changes: ["delete"],
  },
  numeric_change_percent: 20,
  notify: [{ min_severity: "high" }],
  critical_change: { enabled: true, resolve_after_days: 30 },
};

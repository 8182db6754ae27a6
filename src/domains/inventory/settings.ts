// Declares the settings of inventories and their rules.
import { integer, optional, path, setting, size } from "../../config/setting.ts";
import type { ValuesOf } from "../../config/setting.ts";

export const settings = {
  ratePerMinute: setting(
    "INVENTORY_RATE_PER_MINUTE",
    "Inventories one system may send per minute.",
    "120",
    integer(1, 1_000_000),
  ),
  perSystem: setting(
    "INVENTORY_PER_SYSTEM",
    "Inventory history one system may add a day (UTC): documents as received, and the values of what changed.",
    "100MB",
    size(1024 ** 2, 1024 ** 5),
  ),
  perOrganization: setting(
    "INVENTORY_PER_ORGANIZATION",
    "The same for all systems of an organization together.",
    "10GB",
    size(1024 ** 2, 1024 ** 5),
  ),
  rulesFile: setting(
    "INVENTORY_RULES_FILE",
    "JSON file with rules for inventory changes. Empty: the built-in ones.",
    "",
    optional(path),
  ),
};
export type InventorySettings = ValuesOf<typeof settings>;

// Says which changes are not significant, and which ones learning may never suppress; docs/inventory-rules.md lists these rules.
import type { RuleSet, Significance } from "./rules.ts";

const of = (significance: Significance, paths: string[]): RuleSet["significance"] =>
  paths.map((path) => ({ path, significance }));

const facts = (...names: string[]) => names.flatMap((name) => [`facts.${name}`, name]);
const features = (...names: string[]) => facts(...names.map((name) => `features.${name}`));

const modules = [
  "id",
  "ui_name",
  "update_available",
  "acme_auto_certificates",
  "acme_manual_certificates",
  "acme_failed_certificates",
  "custom_certificates",
  "custom_host_routes",
  "custom_path_routes",
  "name_module_map.**",
  "filter.antivirus.memory_info.**",
  // What the telephone system counts of itself; its collector alone gives names that begin so.
  "nethvoice_*.**",
].map((name) => `facts.modules.*.${name}`);

const figures = ["used_bytes", "available_bytes", "total_bytes"];

/** One of several devices with the same ids, which change as a whole: their ids are what they were. */
const ALIKE: RuleSet["significance"] = ["facts.pci.*", "facts.nodes.*.pci.*"].map((path) => ({
  path,
  change: ["update"],
  significance: "never",
}));

export const SIGNIFICANCE_RULES: RuleSet["significance"] = [
  ...ALIKE,
  ...of("never", [
    "uuid",
    ...facts("uptime_seconds", "update_available", "package_updates_available"),
    ...facts(...figures.flatMap((name) => [`memory.*.${name}`, `mountpoints.*.${name}`])),
    "mountpoints.*.size_bytes",
    "system_uptime.**",
    "arp_macs",
    ...["uptime_seconds", "update_available", "timezone"].map((name) => `facts.nodes.*.${name}`),
    ...figures.map((name) => `facts.nodes.*.memory.*.${name}`),
    // Texts of a list of devices that is updated with the system.
    ...["class_name", "vendor_name", "device_name"].flatMap((name) => [
      `facts.pci.*.${name}`,
      `facts.nodes.*.pci.*.${name}`,
    ]),
    ...features(
      "update_available",
      "dhcp_server.count",
      "dhcp_server.dynamic_leases",
      "dhcp_server.static_leases",
      "dhcp_server.dns_records_count",
    ),
    ...modules,
    "metrics.timestamp",
    "performance.last_update",
    "monitoring.heartbeat",
  ]),
  ...of("minor", ["metrics.**", "performance.**", "monitoring.**"]),
  ...of("always", [
    "facts.cluster.**",
    "facts.dns_servers.**",
    "hardware.**",
    "network.**",
    "services.*.status",
    ...features(
      "*.enabled",
      "backups.**",
      "default_password.**",
      "firewall.**",
      "firewall_stats.firewall.**",
      "firewall_stats.objects.**",
      "network.configuration.**",
      "network.zones.**",
      "rpcd_users.**",
    ),
  ]),
];

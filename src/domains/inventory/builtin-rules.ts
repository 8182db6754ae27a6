// The rules in force when INVENTORY_RULES_FILE is not set; docs/inventory-rules.md tells how they read and why.
import type { RuleSet } from "./rules.ts";

/** One rule a path, in order. */
const each = <Facts extends object>(paths: string[], facts: Facts) => paths.map((path) => ({ path, ...facts }));

/** A segment that contains the word, at any depth, and everything below it. */
const containing = (words: string[], under = "") => words.map((word) => `${under}**.*${word}*.**`);

/** Security features by the beginning of their names: `certificates_info`, `openvpn_rw`, `firewall_stats` count too. */
const SECURITY_FEATURES = [
  "certificates",
  "firewall",
  "ipsec",
  "openvpn",
  "wireguard",
  "snort",
  "threat_shield",
  "crowdsec",
];

export const BUILTIN_RULES: RuleSet = {
  categories: [
    ...each(["facts.cluster.backup*.**", "facts.features.backups*.**"], { category: "backup" as const }),
    ...each(
      SECURITY_FEATURES.map((name) => `facts.features.${name}*.**`),
      { category: "security" as const },
    ),
    ...each(["facts.network*.**", "facts.features.network*.**"], { category: "network" as const }),
    ...each(
      ["processors", "memory", "product", "virtual", "pci", "distro"].map((name) => `facts.nodes.*.${name}*.**`),
      { category: "hardware" as const },
    ),
    ...each(["facts.modules.**"], { category: "modules" as const }),
    ...each(["facts.cluster.**"], { category: "cluster" as const }),
    ...each(["facts.nodes.**"], { category: "nodes" as const }),
    ...each(["facts.distro.**"], { category: "os" as const }),
    ...each(
      ["processors", "memory", "product", "virtual", "pci"].map((name) => `facts.${name}*.**`),
      { category: "hardware" as const },
    ),
    ...each(["facts.features.**"], { category: "features" as const }),
    ...each(["facts.services.**"], { category: "services" as const }),
  ],
  severities: [
    ...each(
      ["nodes", "processors", "memory", "network", "features"].map((name) => `facts.${name}.**`),
      { change: ["delete" as const], severity: "critical" as const },
    ),
    ...each(
      [
        ...containing(["error", "failed", "critical"]),
        // A new module is high; that something in it failed is worse.
        ...containing(["error", "failed", "critical"], "facts.modules."),
      ],
      { change: ["create" as const], severity: "critical" as const },
    ),
    ...each(
      [
        "facts.distro.version",
        "facts.modules.*.version",
        "facts.nodes.*.version",
        "facts.nodes.*.distro.version",
        "facts.cluster.subscription.**",
        "facts.cluster.fqdn",
        "facts.cluster.public_ip",
        "facts.features.certificates*.**",
      ],
      { change: ["update" as const], severity: "high" as const },
    ),
    ...each(["facts.modules.**", ...containing(["warning", "alert"])], {
      change: ["create" as const],
      severity: "high" as const,
    }),
    ...each(["facts.modules.**"], { change: ["delete" as const], severity: "high" as const }),
    ...each(["facts.features.**", "facts.cluster.**"], { change: ["update" as const], severity: "medium" as const }),
    ...each(containing(["info", "notice"]), { change: ["create" as const], severity: "medium" as const }),
    ...each(
      [...containing(["used_bytes", "available_bytes", "total_bytes", "uptime_seconds"]), "facts.pci.**", "uuid"],
      { change: ["update" as const], severity: "low" as const },
    ),
    ...each(containing(["debug", "trace"]), { change: ["create" as const], severity: "low" as const }),
  ],
  significance: [
    ...each(
      [
        ...containing([
          "uptime_seconds",
          "used_bytes",
          "available_bytes",
          "total_bytes",
          "dynamic_leases",
          "static_leases",
          "dns_records_count",
          "memory_info",
          "update_available",
          "package_updates_available",
        ]),
        "facts.pci.**",
        "uuid",
        "**.metrics.timestamp",
        "**.performance.last_update",
        "**.monitoring.heartbeat",
        "**.dhcp_server.count",
        "**.nethvoice_*.**",
        ...[
          "id",
          "ui_name",
          "acme_auto_certificates",
          "acme_manual_certificates",
          "acme_failed_certificates",
          "custom_certificates",
          "custom_host_routes",
          "custom_path_routes",
          "name_module_map",
        ].map((name) => `facts.modules.*.${name}.**`),
      ],
      { significance: "never" as const },
    ),
    ...each(containing(["metrics", "performance", "monitoring", "timestamp", "heartbeat"]), {
      significance: "minor" as const,
    }),
  ],
  important: {
    severities: ["high", "critical"],
    categories: ["modules", "cluster", "nodes", "hardware", "network", "security"],
    changes: ["delete"],
  },
  numeric_change_percent: 20,
  notify: [{ min_severity: "high" }],
  critical_change: { enabled: true, resolve_after_days: 30 },
};

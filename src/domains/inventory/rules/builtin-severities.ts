// Says how serious a change is, by place, kind and new value; docs/inventory-rules.md lists these rules with examples.
import { MACHINE_PARTS, SECURITY_FEATURES } from "./builtin-categories.ts";
import type { ChangeType } from "../diff/diff.ts";
import type { Severity } from "../../../values/severity.ts";
import type { RuleSet } from "./rules.ts";
import type { Scalar } from "./match.ts";

type SeverityRules = RuleSet["severities"];

/** `kinds` are words, such as "create update"; none are all. */
const of = (severity: Severity, kinds: string, paths: string[]): SeverityRules =>
  paths.map((path) => ({ path, ...(kinds === "" ? {} : { change: kinds.split(" ") as ChangeType[] }), severity }));

const to = (severity: Severity, values: Scalar[], paths: string[]): SeverityRules =>
  paths.map((path) => ({ path, change: ["update"], to: values, severity }));

/** Words of service managers for a service that does not do its work any more. */
const NOT_RUNNING = ["failed", "error", "stopped", "inactive", "dead", "down", "crashed", "exited", "unhealthy"];

/** Former firewalls have the same features at the top of the document. */
const features = (...names: string[]) => names.flatMap((name) => [`facts.features.${name}`, `features.${name}`]);

const parts = (tail: string, names = MACHINE_PARTS) =>
  names.flatMap((name) => [`facts.${name}${tail}`, `facts.nodes.*.${name}${tail}`]);

const CRITICAL: SeverityRules = [
  ...of("critical", "delete", [
    "facts.nodes",
    "facts.nodes.*",
    ...parts(".**"),
    "facts.network.**",
    "facts.features",
    "facts.features.*",
    "facts.mountpoints",
    "facts.mountpoints.*",
    "mountpoints",
    "mountpoints.*",
    "hardware.**",
    "dmi.**",
    "processors.**",
    "memory.**",
  ]),
  ...to("critical", [true], features("default_password.default_password")),
];

const HIGH: SeverityRules = [
  ...of("high", "", [
    "os.**",
    "version",
    "kernelrelease",
    "facts.distro.**",
    "facts.kernel_version",
    "facts.nodes.*.distro.**",
    "facts.nodes.*.kernel_version",
  ]),
  ...of("high", "update", [
    "fqdn",
    "facts.fqdn",
    "facts.cluster.fqdn",
    "facts.cluster.public_ip",
    "facts.cluster.subscription.**",
    "facts.cluster.leader_node_id",
    "facts.nodes.*.fqdn",
    "facts.nodes.*.version",
    "facts.modules.*.version",
    ...parts(".**", ["processors", "product", "virtual"]),
    "processors.**",
    "virtual",
    "dmi.**",
    "hardware.cpu_model",
    "hardware.cpu_cores",
    "hardware.cpu_threads",
    "installation",
    ...features("certificates.**", "certificates_info.**", "rpcd_users.**", "subscription_status.**"),
  ]),
  ...of("high", "create", ["facts.nodes.*"]),
  ...of("high", "create delete", [
    "facts.modules",
    "facts.modules.*",
    "facts.cluster.user_domains.*",
    "cluster_module_domain_table.*",
    "cluster_user_domains_table.*",
  ]),
  ...of("high", "delete", [
    "services",
    "services.*",
    "facts.services",
    "facts.services.*",
    "network",
    "network.interfaces",
    "network.interfaces.*",
    "esmithdb.networks.*",
    "facts.cluster",
    ...features(
      "network.configuration.*",
      "network.zones.*",
      "openvpn_rw.instances.*",
      "openvpn_tun.tunnels.*",
      "wireguard.servers.*",
      "backups.backup_passphrase",
    ),
  ]),
  ...to("high", NOT_RUNNING, ["services.*", "services.*.status", "facts.services.*", "facts.services.*.status"]),
  ...to(
    "high",
    [false, 0],
    [
      ...SECURITY_FEATURES.map((name) => `facts.features.${name}.enabled`),
      ...["snort", "threat_shield"].map((name) => `features.${name}.enabled`),
      "facts.cluster.backup.backup_count",
      "facts.cluster.backup.destination_count",
      "facts.modules.*.filter.antispam.enabled",
      "facts.modules.*.filter.antivirus.enabled",
      ...features("backups.backup_passphrase"),
    ],
  ),
  ...to("high", [""], ["facts.features.network.configuration.*.props.ipaddr", "esmithdb.networks.*.props.ipaddr"]),
];

const MEDIUM: SeverityRules = [
  ...of("medium", "", [
    "features.**",
    "services.**",
    "network.**",
    "networking.**",
    "hardware.**",
    "rpms.**",
    "esmithdb.**",
    "cluster_user_domains_table.**",
    "facts.services.**",
    "facts.cluster.**",
    "facts.features.**",
    "facts.migration.**",
    "facts.dns_servers.**",
    "facts.default_ipv4",
    "facts.default_ipv6",
    "facts.nodes.*.default_ipv4",
    "facts.nodes.*.default_ipv6",
    "ipv4_address",
    "ipv6_address",
    "public_ip",
    "facts.image_updates_available",
    "facts.nodes.*.cluster_leader",
    "facts.nodes.*.volumesconf_application_types.**",
    "facts.nodes.*.volumesconf_mountpoint_count",
    "facts.modules.*.node",
    "facts.modules.*.source",
    "facts.modules.*.certification_level",
  ]),
  ...of("medium", "delete", ["facts.nodes.*.**"]),
  ...of("medium", "create", [
    ...parts(".**"),
    "facts.mountpoints.**",
    "mountpoints.**",
    "processors.**",
    "memory.**",
    "dmi.**",
  ]),
];

/** Numbers that move by themselves stay low however far they move. */
const LOW: SeverityRules = of("low", "update", [
  ...["memory.*.*", "mountpoints.*.*"].flatMap((path) => [`facts.${path}`, path]),
  "facts.nodes.*.memory.*.*",
  "facts.pci.**",
  "facts.nodes.*.pci.**",
  "facts.uptime_seconds",
  "facts.nodes.*.uptime_seconds",
  "uptime_seconds",
  "system_uptime.**",
  "arp_macs",
  "uuid",
  "facts.package_updates_available",
  ...features("certificates_info.*.pending"),
]);

export const SEVERITY_RULES: SeverityRules = [...CRITICAL, ...HIGH, ...MEDIUM, ...LOW];

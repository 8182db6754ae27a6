// Says what a change is about, by the place where it happened; docs/inventory-rules.md lists these rules with examples.
import type { Category, RuleSet } from "./rules.ts";

const of = (category: Category, paths: string[]): RuleSet["categories"] => paths.map((path) => ({ path, category }));

/** The collectors' names of machine parts, below `facts`, below a node, and at the top of former documents. */
export const MACHINE_PARTS = ["processors", "memory", "product", "virtual", "pci"];

/** What keeps others out, or lets them in. */
export const SECURITY_FEATURES = [
  "certificates",
  "certificates_info",
  "crowdsec",
  "default_password",
  "firewall",
  "firewall_stats",
  "ipsec",
  "mac_ip_binding",
  "openvpn_rw",
  "openvpn_tun",
  "rpcd_users",
  "snort",
  "threat_shield",
  "wireguard",
];

export const CATEGORY_RULES: RuleSet["categories"] = [
  ...of("modules", ["facts.modules.**", "cluster_module_domain_table.**"]),
  ...of("cluster", ["facts.cluster.**", "cluster_user_domains_table.**"]),
  ...of("nodes", ["facts.nodes.**"]),
  ...of("os", [
    "os.**",
    "kernel",
    "kernelrelease",
    "rpms.**",
    "facts.distro.**",
    "facts.kernel_version",
    "facts.image_updates_available",
    "facts.package_updates_available",
    "facts.nodes.*.distro.**",
    "facts.nodes.*.kernel_version",
    "facts.nodes.*.update_available",
  ]),
  ...of("hardware", [
    "hardware.**",
    "dmi.**",
    "mountpoints.**",
    "facts.mountpoints.**",
    ...MACHINE_PARTS.flatMap((part) => [`${part}.**`, `facts.${part}.**`, `facts.nodes.*.${part}.**`]),
  ]),
  ...of("network", [
    "network.**",
    "networking.**",
    "fqdn",
    "ipv4_address",
    "ipv6_address",
    "public_ip",
    "arp_macs",
    "esmithdb.networks.**",
    "facts.network.**",
    "facts.fqdn",
    "facts.default_ipv4",
    "facts.default_ipv6",
    "facts.dns_servers.**",
    "facts.features.network.**",
    "facts.nodes.*.default_ipv4",
    "facts.nodes.*.default_ipv6",
  ]),
  ...of(
    "security",
    SECURITY_FEATURES.map((name) => `facts.features.${name}.**`),
  ),
  ...of("backup", ["facts.cluster.backup.**", "facts.features.backups.**"]),
  ...of("features", ["features.**", "facts.features.**"]),
  ...of("services", ["services.**", "facts.services.**"]),
  ...of("custom", ["custom.**"]),
];

// Makes the first facts of a simulated NS8 cluster and its nodes.
import { PLACES, PROCESSORS, PRODUCTS, pciDevice } from "./catalogue.ts";
import type { JsonObject } from "./journal.ts";
import type { Random } from "./random.ts";

export const makeAddress = (random: Random) =>
  `${random.pick(["192.0.2", "198.51.100", "203.0.113"])}.${random.between(1, 254)}`;

export function makeClusterFacts(random: Random, domain: string): JsonObject {
  const users = random.between(5, 200);
  const userDomain = (name: string): JsonObject => ({
    name,
    location: "internal",
    protocol: "ldap",
    schema: "rfc2307",
    providers_count: 1,
    active_users: users,
    total_users: users + 3,
    total_groups: random.between(1, 30),
  });
  return {
    leader_node_id: "1",
    user_domains: [userDomain(domain), userDomain(`ldap.sede1.${domain}`)],
    subscription: "enterprise",
    admins: { count: 3, "2fa": 1 },
    repositories: ["subscription.nethserver.com/distfeed", "distfeed.nethserver.org/ns8"],
    smarthost: { enabled: false, manual_configuration: true },
    backup: { backup_count: 3, destination_count: 2, destination_providers: ["generic-s3", "aws"] },
    update_disabled: false,
    update_disabled_reason: "",
    update_schedule_active: true,
    ui_name: `Produzione – ${domain}`,
  };
}

export function makeNode(random: Random, domain: string, id: number, devices: number): JsonObject {
  const memory = random.pick([4096, 8192, 32_768, 131_072]);
  return {
    creation_date: `202${random.between(2, 5)}-0${random.between(1, 9)}-1${random.between(0, 9)}T11:12:13+00:00`,
    cluster_leader: id === 1,
    fqdn: `srv${id}.${domain}`,
    default_ipv4: makeAddress(random),
    default_ipv6: "",
    kernel_version: "6.1.0-37-amd64",
    uptime_seconds: random.between(3600, 9_000_000),
    timezone: random.pick(["CET", "UTC"]),
    volumesconf_mountpoint_count: random.between(0, 2),
    volumesconf_application_types: ["loki", "mail"],
    version: "3.18.2",
    distro: { name: "Debian", version: "12.11" },
    processors: { count: random.pick([2, 4, 16]), model: random.pick(PROCESSORS), architecture: "x86_64" },
    product: { ...random.pick(PRODUCTS) },
    virtual: random.pick(["physical", "kvm"]),
    memory: {
      swap: { used_bytes: 0, available_bytes: 8191 },
      system: { used_bytes: Math.floor(memory / 3), available_bytes: memory - Math.floor(memory / 3) },
    },
    pci: Array.from({ length: devices }, (_, at) => pciDevice(at === 0 ? 0 : random.between(1, 10))),
    ui_name: random.pick(PLACES),
    update_available: false,
  };
}

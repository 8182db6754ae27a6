// Makes the first facts of a simulated NethSecurity firewall.
import type { JsonObject } from "./journal.ts";
import type { Random } from "./random.ts";

export const mountpoint = (total: number): JsonObject => ({
  total_bytes: total,
  used_bytes: Math.floor(total / 4),
  available_bytes: total - Math.floor(total / 4),
});

export function makeFeatures(random: Random, domain: string): JsonObject {
  return {
    adblock: { enabled: false, community: 0, enterprise: 1 },
    backups: { backup_passphrase: true, passphrase_date: 1_759_435_830 },
    certificates_info: { custom_certificates: { count: 0 }, acme_certificates: { count: 1, issued: 1, pending: 0 } },
    controller: { enabled: random.chance(0.5) },
    database_stats: { main: { users: random.between(1, 9) }, [`ad.${domain}`]: { users: random.between(10, 200) } },
    ddns: { enabled: false },
    default_password: { default_password: false },
    dhcp_server: {
      count: random.between(1, 4),
      static_leases: random.between(0, 150),
      dynamic_leases: random.between(20, 250),
      dns_records_count: random.between(1, 60),
      dns_forwarder_enabled: true,
    },
    dpi: { enabled: true, rules: 0 },
    firewall_stats: {
      firewall: {
        port_forward: 25,
        nat: { masquerade: 3, snat: 2, accept: 0 },
        rules: { forward: 56, input: 5, output: 1 },
      },
      objects: { domains: 3, hosts: 16, mwan_rules: 0, rules: { forward: 4, input: 0, output: 0 } },
      conntrack_entries: random.between(100, 60_000),
    },
    flashstart: { enabled: false, bypass: 0, pro_plus: false, custom_servers: 0 },
    ha: { enabled: false, vips: 0 },
    hotspot: { enabled: false, server: "https://my.nethspot.com/api", interface: "eth0.10" },
    ipsec: { count: random.between(0, 9) },
    multiwan: { enabled: false, policies: { backup: 1, balance: 0, custom: 0 }, rules: 3 },
    netifyd: { enabled: true, flows_last_24h: random.between(1_000, 900_000) },
    network: makeNetwork(random),
    openvpn_rw: {
      enabled: 1,
      server: 1,
      instances: [
        { section: "ns_roadwarrior1", authentication: "username_password", user_database: "main", mode: "tun" },
      ],
    },
    openvpn_tun: { client: 1, server: 3, tunnels: [{ section: "ns_branch1", mode: "tun" }] },
    proxy_pass: { count: 4 },
    qos: { count: 1, rules: [{ enabled: true, upload: 20, download: 300 }] },
    rpcd_users: { count: 3 },
    snmp: { enabled: false },
    snort: { enabled: false, policy: "connectivity", oink_enabled: false, disabled_rules: 10, suppressed_rules: 0 },
    storage: { enabled: true },
    subscription_status: { status: "enterprise" },
    threat_shield: { enabled: true, community: 4, enterprise: 4 },
    ui: { luci: false, port443: true, port9090: false },
    wireguard: {
      enabled: true,
      servers: Object.fromEntries(
        ["wg1", "wg2"].map((name) => [
          name,
          { peers: random.between(1, 9), routing_all_traffic: 0, connected_peers: random.between(0, 90) },
        ]),
      ),
    },
  };
}

function makeNetwork(random: Random): JsonObject {
  const lan = `192.168.${random.between(0, 254)}.1`;
  const configuration: JsonObject = {
    "br-lan": device("bridge", "br-lan", {
      role: "green",
      ipaddr: lan,
      netmask: "255.255.255.0",
      gateway: null,
      bridge: ["eth0"],
    }),
  };
  for (const name of ["eth1", "eth2", "eth3"]) {
    const ipaddr = `203.0.113.${random.between(2, 254)}`;
    configuration[name] = device("ethernet", name, {
      role: "red",
      ipaddr,
      netmask: "255.255.255.248",
      gateway: "203.0.113.1",
    });
  }
  for (let count = random.between(8, 28), vlan = 10; count > 0; count--, vlan += random.between(1, 9)) {
    const name = `eth0.${vlan}`;
    configuration[name] = device("ethernet", name, {
      role: random.pick(["voip", "guest", null]),
      ipaddr: `10.${vlan}.0.1`,
      netmask: "255.255.255.0",
      gateway: null,
    });
  }
  return {
    zones: ["lan", "wan", "hotspot"].map((name) => ({ name, ipv4: random.between(0, 3), ipv6: 0 })),
    interface_counts: { vlans: Object.keys(configuration).length - 4, bridges: 1, bonds: 0 },
    zone_network_counts: { lan: 1, wan: 1, hotspot: 1 },
    route_info: { count_ipv6_route: 0, count_ipv4_route: 2 },
    configuration,
  };
}

const device = (type: string, name: string, props: JsonObject): JsonObject => ({ type, name, props });

// Simulates a NethSecurity firewall that evolves from inventory to inventory.
import { PROCESSORS, WORDS, pciDevice } from "./catalogue.ts";
import { openJournal } from "./journal.ts";
import type { Holder, Journal, Json, JsonObject, Snapshot } from "./journal.ts";
import { makeFeatures, mountpoint } from "./nsec-facts.ts";
import type { Random } from "./random.ts";

interface Firewall {
  random: Random;
  journal: Journal;
  domain: string;
  document: JsonObject;
  facts: JsonObject;
  features: JsonObject;
}

const PCI_DEVICES = 30;
/** The collector gives memory a thousand times too large. */
const MEMORY_UNIT = 1024;

export function makeFirewall(random: Random): () => Snapshot {
  const firewall = assemble(random);
  let isFirst = true;
  return () => {
    if (!isFirst) evolve(firewall);
    isFirst = false;
    return { document: structuredClone(firewall.document), changes: firewall.journal.take() };
  };
}

function evolve(firewall: Firewall): void {
  tick(firewall);
  const { random } = firewall;
  if (random.chance(0.3)) for (let times = random.between(1, 2); times > 0; times--) random.pick(EVENTS)(firewall);
  const servers = firewall.facts["dns_servers"] as Json[];
  firewall.facts["dns_servers"] = random.shuffled(servers);
}

function tick(firewall: Firewall): void {
  const { random, journal, facts } = firewall;
  const whole = { object: facts, place: "facts" };
  const hasRestarted = random.chance(0.03);
  const uptime = Number(facts["uptime_seconds"]);
  journal.set(
    "noise",
    whole,
    "uptime_seconds",
    hasRestarted ? random.between(60, 80_000) : uptime + random.between(86_300, 86_500),
  );
  for (const mountpoint of ["/", "/boot", "/mnt/data"]) {
    const object = (facts["mountpoints"] as JsonObject)[mountpoint] as JsonObject;
    refill(firewall, { object, place: `facts/mountpoints/${mountpoint}` }, Number(object["total_bytes"]));
  }
  const system = (facts["memory"] as JsonObject)["system"] as JsonObject;
  const total = Number(system["used_bytes"]) + Number(system["available_bytes"]);
  refill(firewall, { object: system, place: "facts/memory/system" }, total);
  const move = (name: string, key: string, value: number) => journal.set("noise", feature(firewall, name), key, value);
  move("dhcp_server", "dynamic_leases", random.between(20, 250));
  if (random.chance(0.1)) move("dhcp_server", "dns_records_count", random.between(1, 60));
  move("firewall_stats", "conntrack_entries", random.between(100, 60_000));
  if (random.chance(0.9)) move("netifyd", "flows_last_24h", random.between(1_000, 900_000));
  for (const [name, server] of Object.entries(feature(firewall, "wireguard").object["servers"] as JsonObject)) {
    const holder = { object: server as JsonObject, place: `facts/features/wireguard/servers/${name}` };
    if (random.chance(0.9)) journal.set("noise", holder, "connected_peers", random.between(0, 90));
  }
}

function refill({ random, journal }: Firewall, holder: Holder, total: number): void {
  const used = Math.floor(total * (0.1 + random.next() * 0.8));
  journal.set("noise", holder, "used_bytes", used);
  journal.set("noise", holder, "available_bytes", total - used);
}

type Event = (firewall: Firewall) => void;

const EVENTS: Event[] = [
  upgrade,
  renumber,
  flapInterface,
  (firewall) => countRules(firewall, "forward"),
  (firewall) => countRules(firewall, "input"),
  addTunnel,
  ({ random, ...firewall }) => toggle(firewall, random.pick(["snort", "dpi", "adblock", "ddns", "snmp", "hotspot"])),
  ({ journal, facts, random, domain }) =>
    journal.set("event", { object: facts, place: "facts" }, "fqdn", `fw${random.between(1, 99)}.${domain}`),
  (firewall) => {
    const certificates = feature(firewall, "certificates_info").object["custom_certificates"] as JsonObject;
    const holder = { object: certificates, place: "facts/features/certificates_info/custom_certificates" };
    firewall.journal.set("event", holder, "count", Number(certificates["count"]) + 1);
  },
  (firewall) => {
    const features = { object: firewall.features, place: "facts/features" };
    // A package was removed: critical, so one of the rare changes that must never be suppressed.
    if (firewall.random.chance(0.2)) firewall.journal.remove("event", features, "flashstart");
  },
];

function upgrade({ journal, facts, random }: Firewall): void {
  const distro = facts["distro"] as JsonObject;
  const [major = "8", minor = "7", patch = "0"] = String(distro["version"]).split(".");
  journal.set("event", { object: distro, place: "facts/distro" }, "version", `${major}.${minor}.${Number(patch) + 1}`);
  const whole = { object: facts, place: "facts" };
  if (random.chance(0.5))
    journal.set("event", whole, "kernel_version", `6.6.${Number(String(facts["kernel_version"]).split(".")[2]) + 1}`);
  journal.set("noise", whole, "uptime_seconds", random.between(60, 3600));
}

/** The provider gave the line another address. */
function renumber(firewall: Firewall): void {
  const { journal, facts, random } = firewall;
  const address = `${random.pick(["192.0.2", "203.0.113"])}.${random.between(2, 254)}`;
  journal.set("event", { object: facts, place: "facts" }, "default_ipv4", address);
  journal.set("event", properties(firewall, "eth1"), "ipaddr", address);
}

function flapInterface(firewall: Firewall): void {
  const holder = properties(firewall, firewall.random.pick(["eth2", "eth3"]));
  const isDown = holder.object["ipaddr"] === "";
  const address = `203.0.113.${firewall.random.between(2, 254)}`;
  firewall.journal.set("event", holder, "ipaddr", isDown ? address : "");
  firewall.journal.set("event", holder, "netmask", isDown ? "255.255.255.248" : "");
}

function countRules(firewall: Firewall, chain: string): void {
  const counts = (feature(firewall, "firewall_stats").object["firewall"] as JsonObject)["rules"] as JsonObject;
  const holder = { object: counts, place: "facts/features/firewall_stats/firewall/rules" };
  firewall.journal.set("event", holder, chain, Number(counts[chain]) + 1);
}

function addTunnel(firewall: Firewall): void {
  const array = feature(firewall, "openvpn_tun").object["tunnels"] as Json[];
  const section = `ns_branch${array.length + 1}`;
  const list = { array, place: "facts/features/openvpn_tun/tunnels" };
  firewall.journal.add("event", list, section, { section, mode: firewall.random.pick(["tun", "tap"]) });
}

function toggle(firewall: Pick<Firewall, "journal" | "features">, name: string): void {
  const holder = feature(firewall, name);
  firewall.journal.set("event", holder, "enabled", !holder.object["enabled"]);
}

const feature = ({ features }: Pick<Firewall, "features">, name: string): Holder => ({
  object: features[name] as JsonObject,
  place: `facts/features/${name}`,
});

function properties(firewall: Firewall, device: string): Holder {
  const configuration = feature(firewall, "network").object["configuration"] as JsonObject;
  const { props } = configuration[device] as { props: JsonObject };
  return { object: props, place: `facts/features/network/configuration/${device}/props` };
}

function assemble(random: Random): Firewall {
  const domain = `${random.pick(WORDS)}${random.between(1, 999)}.com`;
  const features = makeFeatures(random, domain);
  const memory = random.pick([2, 4, 8, 16]) * 1024 ** 3 * MEMORY_UNIT;
  const facts: JsonObject = {
    distro: { name: "NethSecurity", version: "8.7.1" },
    processors: { count: String(random.pick([2, 4, 8])), model: random.pick(PROCESSORS), architecture: "x86_64" },
    product: { name: "NethBox Z1", manufacturer: "Nethesis" },
    virtual: "physical",
    memory: {
      swap: { used_bytes: 0, available_bytes: 0 },
      system: { used_bytes: memory / 4, available_bytes: memory - memory / 4 },
    },
    pci: Array.from({ length: PCI_DEVICES }, (_, at) => pciDevice(at === 0 ? 0 : random.between(1, 10))),
    mountpoints: {
      "/": mountpoint(300_000_000),
      "/boot": mountpoint(16_744_448),
      "/mnt/data": mountpoint(32_000_000_000),
    },
    features,
    migration: { from_legacy_system_id: null, migrated_at: null },
    default_ipv4: `192.0.2.${random.between(2, 254)}`,
    default_ipv6: "",
    dns_servers: [`/ad.${domain}/192.168.5.3`, "8.8.4.4", "1.1.1.1"],
    fqdn: "NethSec",
    image_updates_available: false,
    kernel_version: "6.6.119",
    package_updates_available: false,
    timezone: "Europe/Rome",
    uptime_seconds: random.between(3600, 9_000_000),
  };
  const document: JsonObject = {
    $schema: "https://schema.nethserver.org/facts/2022-12.json",
    uuid: random.uuid(),
    installation: "nethsecurity",
    facts,
  };
  return { random, journal: openJournal(), domain, document, facts, features };
}

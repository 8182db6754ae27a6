// Makes the applications of a simulated NS8 cluster: what each reports, and what of it moves between inventories.
import type { Holder, Journal, JsonObject } from "./journal.ts";
import type { Random } from "./random.ts";

interface NewModule {
  id: string;
  module: string;
  node: string;
  /** The cluster's mail and user domain. */
  domain: string;
}

export function makeModule(random: Random, { id, module, node, domain }: NewModule): JsonObject {
  const isExposed = !["traefik", "ldapproxy", "loki", "metrics", "openldap", "dnsmasq", "crowdsec"].includes(module);
  const hosts = isExposed ? [`${id}.${domain}`, `www.${id}.${domain}`, `alias-${id}.${domain}`] : [];
  return {
    id,
    version: `${random.between(1, 4)}.${random.between(0, 9)}.${random.between(0, 12)}`,
    module,
    name: module.charAt(0).toUpperCase() + module.slice(1),
    source: `ghcr.io/nethserver/${module}`,
    node,
    certification_level: random.pick([5, 5, 5, 3]),
    update_available: false,
    user_domains: random.chance(0.4) ? [domain, `ldap.${domain}`] : [],
    fqdns: hosts.slice(0, random.between(1, 3)),
    ...(FACTS[module]?.(random, domain) ?? {}),
    ui_name: random.chance(0.4) ? "" : `${module} ${random.pick(["principale", domain])}`,
  };
}

/** Values that move by themselves, some of them counters that no built-in rule covers, as in newer releases. */
export function liveOn(random: Random, journal: Journal, module: Holder): void {
  const { object } = module;
  const count = (key: string) => Number(object[key]);
  const move = (key: string, value: number) => journal.set("noise", module, key, Math.max(0, value));
  switch (object["module"]) {
    case "nethvoice":
      move("nethvoice_calls_last_24h", random.between(100, 3000));
      move("nethvoice_total_calls", count("nethvoice_total_calls") + random.between(50, 900));
      break;
    case "nextcloud":
    case "mattermost":
      if (random.chance(0.95)) move("active_users", random.between(1, count("total_users")));
      break;
    case "samba":
      if (random.chance(0.95))
        move("audit_failed_events_count", count("audit_failed_events_count") + random.between(1, 9));
      break;
    case "crowdsec":
      move("decisions_count", random.between(1, 40_000));
      break;
    case "mail":
      if (random.chance(0.9)) move("queue_messages_count", random.between(0, 400));
      break;
  }
  if (random.chance(0.03)) journal.set("noise", module, "update_available", !object["update_available"]);
}

/** A change made by a person. */
export function reconfigure(random: Random, journal: Journal, module: Holder): void {
  const { object } = module;
  const change = (key: string, by: number) => journal.set("event", module, key, Math.max(0, Number(object[key]) + by));
  switch (object["module"]) {
    case "mail":
      if (random.chance(0.5)) change("addresses_total_count", random.between(1, 6));
      else toggleAntivirus(journal, module);
      break;
    case "samba":
      change("shared_folders_count", random.chance(0.5) ? 1 : -1);
      break;
    case "loki":
      change("retention_days", random.pick([30, 60, 90]));
      break;
    default:
      updateVersion(random, journal, module);
  }
}

export function updateVersion(random: Random, journal: Journal, module: Holder): void {
  const [major = "1", minor = "0", patch = "0"] = String(module.object["version"]).split(".");
  const next = random.chance(0.2) ? `${major}.${Number(minor) + 1}.0` : `${major}.${minor}.${Number(patch) + 1}`;
  journal.set("event", module, "version", next);
}

function toggleAntivirus(journal: Journal, { object, place }: Holder): void {
  const filter = object["filter"] as JsonObject;
  const antivirus = filter["antivirus"] as JsonObject;
  const holder = { object: antivirus, place: `${place}/filter/antivirus` };
  journal.set("event", holder, "enabled", !antivirus["enabled"]);
}

const FACTS: Record<string, (random: Random, domain: string) => JsonObject> = {
  traefik: (random, domain) => ({
    custom_path_routes: 0,
    custom_host_routes: random.between(0, 4),
    custom_certificates: random.between(0, 2),
    acme_manual_certificates: random.between(0, 2),
    acme_auto_certificates: random.between(1, 20),
    acme_failed_certificates: 0,
    name_module_map: { [`cluster.${domain}`]: "cluster-admin" },
  }),
  loki: (random) => ({ retention_days: random.pick([90, 180, 365]), cloud_log_manager: true, syslog: false }),
  mail: (random) => ({
    addresses_total_count: random.between(5, 300),
    adduser_domains_count: 1,
    addgroup_domains_count: 1,
    addresses_domain_count: random.between(1, 9),
    addresses_wildcard_count: 1,
    destinations_user_count: random.between(5, 300),
    destinations_external_count: 0,
    filter: {
      antispam: {
        enabled: true,
        spam_flag_threshold: 6,
        deny_message_threshold: 20,
        greylist: { enabled: true, threshold: 4 },
      },
      antivirus: { enabled: false, clamav_official_sigs: false, memory_info: { installed: 7940, recommended: 4096 } },
    },
    mailboxes_total_count: random.between(5, 300),
    mailboxes_custom_quota_count: random.between(0, 9),
    domains_total_count: random.between(1, 5),
    relay_rules_total_count: 1,
    relay_settings_networks_count: random.between(0, 3),
    always_bcc_enabled: false,
    mailbox_settings_quota_enabled: false,
    queue_settings_maximal_queue_lifetime: "120",
    queue_messages_count: random.between(0, 400),
    dovecot_custom_config_count: 0,
  }),
  samba: (random) => ({
    server_role: "dc",
    provision_type: "join-domain",
    has_nbalias: false,
    has_file_server_flag: true,
    shared_folders_count: random.between(3, 40),
    audit_enabled_count: random.between(0, 9),
    audit_failed_events_count: random.between(0, 90),
    recycle_enabled_count: random.between(0, 14),
    acls_length_max: 8,
    acls_length_min: 1,
  }),
  nethvoice: (random) => ({
    nethvoice_users_count: random.between(5, 300),
    nethvoice_trunks_count: random.between(1, 6),
    nethvoice_trunks_by_tech: { pjsip: 3 },
    nethvoice_calls_last_24h: random.between(100, 3000),
    nethvoice_total_calls: random.between(1000, 400_000),
    nethvoice_devices_by_type: { physical: random.between(5, 260), webrtc: 130, nethlink: 130, mobile: 65 },
    nethvoice_physical_devices_by_vendor: { Fanvil: 86, Yealink: 215, Nethesis: 38 },
    nethvoice_physical_devices_by_model: { T53W: 54, W73P: 56, V65: 237, "NP X5": 149, "NP-V62": 182 },
    nethvoice_hotel_enabled: false,
    nethvoice_subscription_enabled: true,
  }),
  nextcloud: (random) => ({ active_users: random.between(1, 60), total_users: random.between(60, 90) }),
  mattermost: (random) => ({ active_users: random.between(1, 60), total_users: random.between(60, 90) }),
  "nethsecurity-controller": (random) => ({ units: random.between(1, 60), total_users: 3 }),
  crowdsec: (random) => ({ decisions_count: random.between(1, 40_000), enrolled: true }),
};

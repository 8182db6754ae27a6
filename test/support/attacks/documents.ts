// Makes documents that cost whoever stores, compares and lists them as much as their sender can make them cost.

const HEAD = { fqdn: "attacker.example.org", os: { name: "attack" } };

/** An NS8 cluster of so many modules, each in another version each round: so many changes, each with an alert of its own. */
export const manyModules = (modules: number, round: number) =>
  JSON.stringify({
    $schema: "https://schema.nethserver.org/facts/2022-12.json",
    uuid: "00000000-0000-4000-8000-000000000001",
    installation: "nethserver",
    facts: {
      cluster: { leader_node_id: "1" },
      nodes: { "1": { id: 1, version: "1.0.0" } },
      modules: Array.from({ length: modules }, (_, at) => ({
        id: `mail${at}`,
        version: `1.${round}.${at}`,
        module: "mail",
        name: `mail${at}`,
        node: "1",
      })),
    },
  });

/** So many keys whose values of `length` characters all change each round. More than 10,000 become one row. */
export const changingKeys = (keys: number, length: number, round: number) =>
  JSON.stringify({
    ...HEAD,
    custom: Object.fromEntries(
      Array.from({ length: keys }, (_, at) => [`key${at}`, `${round}.${at}.${"v".repeat(length)}`]),
    ),
  });

/** So many bytes in which nothing is as it was the round before, not even a key. */
export const allNew = (bytes: number, round: number) => {
  const lines = Math.ceil(bytes / 86);
  const digest = (at: number) => Bun.SHA256.hash(`${round}/${at}`, "hex").slice(0, 32);
  return JSON.stringify({
    ...HEAD,
    custom: Object.fromEntries(
      Array.from({ length: lines }, (_, at) => [`${digest(at)}`, `${digest(-at - 1)}${at}-${round}-`]),
    ),
  });
};

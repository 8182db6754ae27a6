// Attacks with bodies that never come to their end: thousands of connections that announce much and send little, until told to stop.
import { connect } from "node:net";
import type { Socket } from "node:net";

export interface UnfinishedBodies {
  /** The gateway's main listener. */
  url: string;
  signal: AbortSignal;
  connections: number;
  path: string;
  /** What each connection says it will send, and what it sends. */
  announcedBytes: number;
  sentBytes: number;
  /** Absent: nobody's. */
  authorization?: string;
  /** Addresses that they come from, of 127.1.0.0/16; absent: one, the neighbours' own. */
  addresses?: number;
  report?: AttackReport;
}

/** Grows while the attack goes on. */
export interface AttackReport {
  /** Connections that the gateway took. */
  opened: number;
  /** Answers by status. */
  answers: Record<string, number>;
}

/** Connections opened in one turn: the gateway's backlog holds no more. */
const AT_ONCE = 100;

/** Keeps so many connections open until the signal aborts; one that the gateway ends is opened again. */
export async function attackWithUnfinishedBodies(attack: UnfinishedBodies): Promise<AttackReport> {
  const { report = { opened: 0, answers: {} } } = attack;
  const open = new Set<Socket>();
  let next = 0;
  while (!attack.signal.aborted) {
    for (let count = 0; count < AT_ONCE && open.size < attack.connections; count += 1) {
      const socket = openOne(attack, (next += 1), report);
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    }
    await Bun.sleep(10);
  }
  for (const socket of open) socket.destroy();
  return report;
}

function openOne(attack: UnfinishedBodies, at: number, report: AttackReport): Socket {
  const { hostname, port } = new URL(attack.url);
  const from = attack.addresses === undefined ? {} : { localAddress: addressOf(at % attack.addresses) };
  const socket = connect({ host: hostname, port: Number(port), ...from });
  const authorization = attack.authorization ? `Authorization: ${attack.authorization}\r\n` : "";
  socket.on("connect", () => {
    report.opened += 1;
    socket.write(
      `POST ${attack.path} HTTP/1.1\r\nHost: gw\r\n${authorization}Content-Length: ${attack.announcedBytes}\r\n\r\n`,
    );
    socket.write("[".padEnd(attack.sentBytes, " "));
  });
  socket.once("data", (chunk: Buffer) => {
    const status = /^HTTP\/1\.1 (\d{3})/.exec(chunk.toString("latin1"))?.[1] ?? "none";
    report.answers[status] = (report.answers[status] ?? 0) + 1;
  });
  // Reset by the gateway: what an attacker has to expect.
  socket.on("error", () => {});
  return socket;
}

const addressOf = (at: number) => `127.1.${Math.floor(at / 250)}.${1 + (at % 250)}`;

// Asks the kernel about this process's sockets on a port: which are open, and which listener gets new connections.
import { dlopen, ptr } from "bun:ffi";
import { readdirSync } from "node:fs";

/** Opened when first needed: one process alone needs none of it. */
let opened: ReturnType<typeof openLibc> | undefined;
const libc = () => (opened ??= openLibc());

function openLibc() {
  return dlopen("libc.so.6", {
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  }).symbols;
}

/** Connections that were accepted on this port and are still open. */
export const openConnections = (port: number) => socketsOn(port).filter((one) => !one.isListening).length;

/**
 * Which of the listeners that share a port gets new connections: `count` of them from the `first` on, in the order in which they
 * began to listen; "any" is the kernel's own choice. When one is closed, the last one takes its place. True when it was done.
 */
export function steerConnections(port: number, target: { first: number; count: number } | "any"): boolean {
  const listener = socketsOn(port).find((one) => one.isListening);
  if (!listener) return false;
  const program = target === "any" ? [[RETURN, NO_LISTENER]] : choiceAmong(target);
  const instructions = new Uint8Array(program.length * 8);
  const view = new DataView(instructions.buffer);
  for (const [index, [operation = 0, operand = 0]] of program.entries()) {
    view.setUint16(index * 8, operation, true);
    view.setUint32(index * 8 + 4, operand, true);
  }
  // struct sock_fprog: how many instructions, and where they are.
  const handle = new Uint8Array(16);
  new DataView(handle.buffer).setUint16(0, program.length, true);
  new DataView(handle.buffer).setBigUint64(8, BigInt(ptr(instructions)), true);
  return libc().setsockopt(listener.descriptor, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, handle, handle.length) === 0;
}

/** Classic BPF: a random number, modulo the count, plus the first. */
const choiceAmong = ({ first, count }: { first: number; count: number }) => [
  [LOAD_ABSOLUTE, RANDOM_NUMBER],
  [MODULO, count],
  [ADD, first],
  [RETURN_RESULT, 0],
];

const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const SO_ATTACH_REUSEPORT_CBPF = 51;
const LOAD_ABSOLUTE = 0x20;
const MODULO = 0x94;
const ADD = 0x04;
const RETURN = 0x06;
const RETURN_RESULT = 0x16;
/** SKF_AD_OFF + SKF_AD_RANDOM */
const RANDOM_NUMBER = 0xfffff000 + 56;
/** An answer that is no listener's leaves the choice to the kernel. */
const NO_LISTENER = 0xffffffff;
const AF_INET = 2;
const AF_INET6 = 10;

function socketsOn(port: number): { descriptor: number; isListening: boolean }[] {
  const found = [];
  for (const name of readdirSync("/proc/self/fd")) {
    const descriptor = Number(name);
    if (localPort(descriptor) === port) found.push({ descriptor, isListening: accepts(descriptor) });
  }
  return found;
}

/** struct sockaddr begins with the family; both families of IP have the port behind it. */
function localPort(descriptor: number): number | undefined {
  const address = new Uint8Array(28);
  if (libc().getsockname(descriptor, address, new Uint32Array([address.length])) !== 0) return undefined;
  const view = new DataView(address.buffer);
  const family = view.getUint16(0, true);
  return family === AF_INET || family === AF_INET6 ? view.getUint16(2, false) : undefined;
}

function accepts(descriptor: number): boolean {
  const answer = new Int32Array(1);
  libc().getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, answer, new Uint32Array([4]));
  return answer[0] === 1;
}

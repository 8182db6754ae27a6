// Examines what Muster shows to the network, and what it reaches over it.
import { addressText } from "../../values/net/address.ts";
import type { Config } from "../../app/settings.ts";
import { askAlertmanager } from "../../domains/alerts/api.ts";
import { reasonOf } from "../../errors.ts";
import { certificateFiles, examineFiles } from "../../http/listen/certificate.ts";
import { examine } from "./finding.ts";
import type { Finding } from "./finding.ts";

export async function examineNetwork(config: Config): Promise<Finding[]> {
  return [...examineCertificate(config), ...examineListener(config), ...(await examineAlertmanager(config))];
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

function examineListener({ http }: Config): Finding[] {
  const check = "listener";
  const { listenAddress, tlsCertFile, trustedProxies } = http;
  const { hostname, port } = listenAddress;
  if (tlsCertFile !== undefined || LOOPBACK.test(hostname)) return [];
  const address = addressText({ hostname, port });
  if (trustedProxies !== undefined)
    return [{ check, status: "ok", finding: `Plain HTTP at ${address}, for the proxies ${trustedProxies}.` }];
  return [
    {
      check,
      status: "warning",
      finding: `LISTEN_ADDRESS ${address} is plain HTTP beyond this machine: secrets of appliances and operators travel in the clear.`,
      advice: `Set TLS_CERT_FILE and TLS_KEY_FILE, or LISTEN_ADDRESS=127.0.0.1:${port} behind a proxy that speaks TLS (docs/edge.md).`,
    },
  ];
}

async function examineAlertmanager({ alerts: { url } }: Config): Promise<Finding[]> {
  if (url === undefined) return [];
  const advice = "Check MIMIR_URL, and that this host may reach it. Alerts wait in the database meanwhile.";
  const finding = await examine("alertmanager", advice, async () => {
    const { address, status } = await askAlertmanager(url);
    if (status < 400) return { status: "ok", finding: `Alertmanager answers at ${address}.` };
    const said = `Alertmanager at ${address} answers with ${status}.`;
    if (status === 401 || status === 403)
      return { status: "failed", finding: said, advice: "Check the user and the password in MIMIR_URL." };
    if (status === 404)
      return {
        status: "warning",
        finding: said,
        advice:
          "Does MIMIR_URL lead up to /alertmanager, or up to /api/v2? A Mimir without any configuration says so, too.",
      };
    return { status: "warning", finding: said, advice };
  });
  return [finding];
}

function examineCertificate(config: Config): Finding[] {
  const files = certificateFiles(config.http);
  if (!files) return [];
  const check = "certificate";
  try {
    const { certificate, warning } = examineFiles(files, new Date());
    if (warning === undefined)
      return [
        {
          check,
          status: "ok",
          finding: `${files.certFile} is good until ${certificate.expiresAt.toISOString().slice(0, 10)}.`,
        },
      ];
    return [
      { check, status: "warning", finding: warning, advice: "Renew it; the gateway reads the new files by itself." },
    ];
  } catch (error) {
    const advice = "A running gateway keeps the certificate it had; one that starts now refuses to.";
    return [{ check, status: "failed", finding: reasonOf(error), advice }];
  }
}

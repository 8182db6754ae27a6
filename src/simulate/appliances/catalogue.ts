// Lists what simulated appliances are made of: hardware, applications, names.
import type { JsonObject } from "./journal.ts";

type Device = readonly [
  classId: string,
  vendorId: string,
  deviceId: string,
  className: string,
  vendor: string,
  device: string,
  driver: string,
];

const DEVICES: readonly Device[] = [
  ["0600", "8086", "29c0", "Host bridge", "Intel Corporation", "82G33/G31/P35/P31 Express DRAM Controller", ""],
  ["0300", "1b36", "0100", "VGA compatible controller", "Red Hat, Inc.", "QXL paravirtual graphic card", "qxl"],
  ["0604", "1b36", "000c", "PCI bridge", "Red Hat, Inc.", "QEMU PCIe Root port", "pcieport"],
  ["0200", "1af4", "1041", "Ethernet controller", "Red Hat, Inc.", "Virtio 1.0 network device", "virtio-pci"],
  [
    "0106",
    "8086",
    "2922",
    "SATA controller",
    "Intel Corporation",
    "82801IR/IO/IH 6 port SATA Controller [AHCI]",
    "ahci",
  ],
  ["0100", "1af4", "1048", "SCSI storage controller", "Red Hat, Inc.", "Virtio 1.0 SCSI", "virtio-pci"],
  ["0200", "8086", "15f3", "Ethernet controller", "Intel Corporation", "Ethernet Controller I225-V", "igc"],
  ["0200", "8086", "1533", "Ethernet controller", "Intel Corporation", "I210 Gigabit Network Connection", "igb"],
  [
    "0108",
    "144d",
    "a808",
    "Non-Volatile memory controller",
    "Samsung Electronics Co Ltd",
    "NVMe SSD SM981/PM981",
    "nvme",
  ],
  ["0c05", "8086", "2930", "SMBus", "Intel Corporation", "82801I (ICH9 Family) SMBus Controller", "i801_smbus"],
  ["0104", "1000", "005d", "RAID bus controller", "Broadcom / LSI", "MegaRAID SAS-3 3108 [Invader]", "megaraid_sas"],
];

/** The first is always there; the others repeat, as bridges and ports of real machines do. */
export function pciDevice(at: number): JsonObject {
  const [classId, vendorId, deviceId, className, vendor, device, driver] = deviceAt(at);
  return {
    class_id: classId,
    vendor_id: vendorId,
    device_id: deviceId,
    revision: "",
    class_name: className,
    vendor_name: vendor,
    device_name: device,
    driver,
  };
}

export const PROCESSORS = [
  "AMD EPYC 7313 16-Core Processor",
  "Intel(R) Core(TM) i7-12700",
  "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz",
  "Intel(R) Core(TM) i5-7200U CPU @ 2.50GHz",
];

export const PRODUCTS = [
  { name: "PowerEdge R450", manufacturer: "Dell Inc." },
  { name: "KVM", manufacturer: "Red Hat" },
  { name: "Standard PC (Q35 + ICH9, 2009)", manufacturer: "QEMU" },
];

export const WORDS = ["mobilgamma", "tipografialuce", "studiorossi", "caffenero", "officinasole", "cantinaverde"];
export const PLACES = ["Filiale è qui", "Datacenter", "Sede principale", "Magazzino", ""];

/** Applications that a cluster may run, beside those of every node. */
export const APPLICATIONS = [
  "mail",
  "nextcloud",
  "samba",
  "nethvoice",
  "openldap",
  "webtop",
  "roundcubemail",
  "mattermost",
  "collabora",
  "passbolt",
  "crowdsec",
  "imapsync",
  "dokuwiki",
  "lamp",
  "minio",
  "wordpress",
  "ejabberd",
  "nethsecurity-controller",
  "dnsmasq",
  "loki",
  "metrics",
] as const;

function deviceAt(at: number): Device {
  const device = DEVICES[at % DEVICES.length];
  if (!device) throw new Error("the catalogue is empty");
  return device;
}

// Describes where a listener listens.

export interface ListenAddress {
  hostname: string;
  /** 0 lets the system choose. */
  port: number;
}

/** As settings and URLs have it, IPv6 in brackets. */
export const addressText = ({ hostname, port }: ListenAddress) =>
  `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;

// Describes where a listener listens.

export interface ListenAddress {
  hostname: string;
  /** 0 lets the system choose. */
  port: number;
}

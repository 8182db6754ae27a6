// Messages between the processes of one installation. Fast and lossy: whoever listens must also survive a lost message.

export interface Signals {
  /** Reaches every subscriber of every process, this one included, normally within 100 ms. */
  publish(channel: string, message: string): Promise<void>;
  /** The returned function ends the subscription. */
  subscribe(channel: string, listener: (message: string) => void): Promise<() => void>;
  /** Called after a disconnection, when messages may have been missed: callers drop the caches that messages invalidate. */
  onGap(listener: () => void): void;
  close(): Promise<void>;
}

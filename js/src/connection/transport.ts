/** The interface of a socket to a connection. The adapter of each runtime implements it. */
export interface Transport {
  /** Hands bytes over. They belong to the transport then. False if it has no room for more. */
  write(bytes: Uint8Array<ArrayBuffer>): boolean;
  /** Ends the sending side after what was written. */
  end(): void;
  /** Stops reading, or goes on. */
  read(on: boolean): void;
  /** Drops the socket at once. */
  destroy(): void;
  /** How many bytes were written and have not left. */
  readonly unsent: number;
  /** Whether the peer has ended its side, or the socket is closed. */
  readonly ended: boolean;
  /** Memory for bytes that are to be written, or to be kept by the program. */
  allocate(length: number): Uint8Array<ArrayBuffer>;
}

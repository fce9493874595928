/** What a server shows, and wants to see, over TLS. PEM texts. */
export interface TlsContent {
  readonly cert: string
  readonly key: string
  /** What clients' certificates must be signed by; without it none is asked for. */
  readonly clientCa?: string
}

/** Material that may change while it is in use: new connections get what is current, open ones stay. */
export interface TlsMaterial {
  readonly current: TlsContent
  /** Tells of each change. */
  onChange(listener: (content: TlsContent) => void): void
}

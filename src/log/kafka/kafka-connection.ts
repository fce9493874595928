/** How brokers are reached. */
export interface KafkaConnection {
  /** `host:port` of brokers to ask first; the others are learned from them. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** PEM texts; all absent means the system's roots and no certificate of our own. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly sasl?: KafkaSasl
}

export type KafkaSasl =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      readonly username: string
      readonly password: string
    }
  | {
      readonly mechanism: 'oauthbearer'
      /** Asked anew at every login. */
      readonly token: () => Promise<string>
    }

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** @throws RangeError for what is no `host:port`; IPv6 addresses are in brackets */
export function brokerAddress(text: string): BrokerAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/i.exec(text)
  const port = Number(match?.[3])
  if (match === null || port < 1 || port > 65_535) {
    throw new RangeError(`a broker's address is host:port, not ${JSON.stringify(text)}`)
  }
  return { host: match[1] ?? match[2]!, port }
}

import { ServerCredentials } from '@grpc/grpc-js'
import type { SecureContextOptions } from 'node:tls'
import type { TlsContent, TlsMaterial } from '../../http/tls-material.ts'

/** Longest handshake: whoever does not end it holds a connection. */
const HANDSHAKE_MS = 20_000

/** What a server shows over TLS, and wants to see, changed for new connections when it changes. */
export class TlsCredentials extends ServerCredentials {
  constructor(tls: TlsMaterial) {
    const wantsClients = tls.current.clientCa !== undefined
    super(
      { requestCert: wantsClients, rejectUnauthorized: wantsClients, handshakeTimeout: HANDSHAKE_MS },
      contextOf(tls.current),
    )
    tls.onChange((content) => this.updateSecureContextOptions(contextOf(content)))
  }

  _equals(other: ServerCredentials): boolean {
    return other === this
  }
}

function contextOf({ cert, key, clientCa }: TlsContent): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(clientCa === undefined ? {} : { ca: clientCa }) }
}

import tls from 'node:tls'
import { usageError } from './cli-error.ts'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * Trusts certificates, in PEM form, besides those that are trusted already: in the whole process, as neither `fetch` nor
 * `WebSocket` can be told for themselves.
 */
export function trustAlso(pem: string): void {
  const added = pem.match(CERTIFICATE)
  if (added === null) throw usageError('--ca-file holds no certificate (-----BEGIN CERTIFICATE-----)')
  // Of Node 22.19 and 24.5.
  if (!('setDefaultCACertificates' in tls)) {
    throw usageError(
      '--ca-file needs a later Node; with this one set NODE_EXTRA_CA_CERTS to the file instead',
    )
  }
  try {
    tls.setDefaultCACertificates([...new Set([...tls.getCACertificates('default'), ...added])])
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw usageError(`--ca-file holds a certificate that cannot be read: ${why}`, { cause: error })
  }
}

const OF_DISTRUST: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** Whether a connection failed because nothing that is trusted signed the other's certificate. */
export function isDistrusted(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && OF_DISTRUST.has(cause.code)
}

import { createSecureContext } from 'node:tls'
import { SettingError } from '../config/setting.ts'
import type { TlsContent, TlsMaterial } from '../http/tls-material.ts'
import { openFile } from './doors.ts'
import type { RoleContext } from './role-context.ts'

type Context = Pick<RoleContext<'gateway' | 'serve' | 'ingest'>, 'settings' | 'logger' | 'parts'>

/**
 * What servers show over TLS, read again when its files change: what does not go together, as a certificate whose key is
 * still to come, is not used until it does. Undefined where there are no files.
 */
export async function openTls({ settings, logger, parts }: Context): Promise<TlsMaterial | undefined> {
  const { serverCert, serverKey, clientCa } = settings
  if (serverCert === undefined || serverKey === undefined) return undefined
  const listeners: ((content: TlsContent) => void)[] = []
  const open = (setting: string, path: string) =>
    openFile(
      setting,
      path,
      (text) => text,
      { logger, parts },
      () => changed(),
    )
  const [cert, key, ca] = await Promise.all([
    open('tls-cert', serverCert),
    open('tls-key', serverKey),
    clientCa === undefined ? undefined : open('tls-client-ca', clientCa),
  ])
  const content = (): TlsContent => ({
    cert: cert.value,
    key: key.value,
    ...(ca === undefined ? {} : { clientCa: ca.value }),
  })
  const fault = faultOf(content())
  if (fault !== undefined)
    throw new SettingError([
      { setting: 'tls-cert', message: `tls-cert and tls-key do not go together: ${fault}` },
    ])
  let current = content()

  function changed(): void {
    const next = content()
    const fault = faultOf(next)
    if (fault !== undefined) {
      logger.error({ setting: 'tls-cert' }, `the certificate and its key do not go together (yet): ${fault}`)
      return
    }
    current = next
    for (const tell of listeners) tell(next)
  }

  return {
    get current() {
      return current
    },
    onChange: (listener) => void listeners.push(listener),
  }
}

function faultOf({ cert, key, clientCa }: TlsContent): string | undefined {
  try {
    createSecureContext({ cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

import { SettingError } from '../config/setting.ts'
import type { Announcement, RoleContext } from './role-context.ts'
import { startServe } from './serve.ts'

/** `meshtap serve`, with or without the mesh that sends itself requests. */
export function serveRole(options: { readonly demo: boolean }) {
  return async (context: RoleContext<'serve'>): Promise<Announcement> => {
    const { settings, logger, parts } = context
    if (options.demo) checkDemo(settings)
    const { gatewayUrl, ingestUrl, grpcUrl } = await startServe(context)
    if (options.demo) {
      const { startDemo } = await import('../demo/demo.ts')
      const demo = await startDemo({ ingestUrl, log: logger })
      parts.add('demo', () => demo.close())
    }
    return [
      ['data', settings.data],
      ['API', `${gatewayUrl} (its documentation: ${gatewayUrl}/api/docs)`],
      ['ingest', ingestUrl],
      ...(grpcUrl === undefined ? [] : [['gRPC', grpcUrl] as const]),
    ]
  }
}

/** Its sidecars have no token of the file, and trust no certificate of one's own. */
function checkDemo({ ingestTokens, serverCert }: RoleContext<'serve'>['settings']): void {
  const setting =
    ingestTokens !== undefined ? 'ingest-tokens' : serverCert !== undefined ? 'tls-cert' : undefined
  if (setting === undefined) return
  throw new SettingError([
    {
      setting,
      message:
        `--demo cannot send to an ingest with ${setting}: start serve without --demo, and beside it ` +
        'meshtap demo --ingest URL --ingest-token-file FILE --ca-file FILE',
    },
  ])
}

import type { Announcement, RoleContext } from './role-context.ts'
import { startServe } from './serve.ts'

/** `meshtap serve`, with or without the mesh that sends itself requests. */
export function serveRole(options: { readonly demo: boolean }) {
  return async (context: RoleContext<'serve'>): Promise<Announcement> => {
    const { settings, logger, parts } = context
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

import { finished } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Role } from '../config/roles.ts'
import type { TRACING_SETTINGS } from '../config/tracing-settings.ts'
import type { Settings } from '../config/setting.ts'
import type { Page } from '../http/page.ts'
import type { TraceCall } from '../ingest/grpc/export-method.ts'
import type { EventLog } from '../log/event-log.ts'
import type { RollupStore } from '../store/rollup-store.ts'
import { FoldTraces } from '../telemetry/fold-traces.ts'
import type { OpenTracing } from '../telemetry/otlp/open-tracing.ts'
import { traceRequests } from '../telemetry/request-tracing.ts'
import { TracedEventLog } from '../telemetry/traced-event-log.ts'
import { TracedRollupStore } from '../telemetry/traced-rollup-store.ts'
import { inSpan } from '../telemetry/tracer.ts'
import type { Trouble } from '../telemetry/trouble-log.ts'
import type { RoleContext, Tracing } from './role-context.ts'

export interface RoleTracing extends Tracing, Pick<OpenTracing, 'counts' | 'close'> {}

/** Undefined, and nothing loaded, where no collector is set. */
export async function roleTracing(
  role: Role,
  { otlpEndpoint, otlpProtocol, traceRatio, serviceName }: Settings<typeof TRACING_SETTINGS>,
  { version, onTrouble }: { readonly version: string; readonly onTrouble: (trouble: Trouble) => void },
): Promise<RoleTracing | undefined> {
  if (otlpEndpoint === undefined) return undefined
  const { openTracing } = await import('../telemetry/otlp/open-tracing.ts')
  const opened = await openTracing({
    endpoint: otlpEndpoint,
    protocol: otlpProtocol,
    ratio: traceRatio,
    serviceName: serviceName ?? `meshtap-${role}`,
    version,
    onTrouble,
  })
  return Object.assign(opened, { folds: new FoldTraces() })
}

type Traced = Pick<RoleContext<Role>, 'tracing'>

/** The log, which carries traces where the role is traced. */
export function tracedLog({ tracing }: Traced, log: EventLog): EventLog {
  return tracing === undefined ? log : new TracedEventLog(log, tracing.tracer, tracing.folds)
}

/** The store, whose commits end traces where the role is traced. */
export function tracedStore({ tracing }: Traced, store: RollupStore): RollupStore {
  return tracing === undefined ? store : new TracedRollupStore(store, tracing.tracer, tracing.folds)
}

/** What a server is to prepare so that its requests are traced: options of it. */
export function tracedServer({ tracing }: Traced): {
  readonly prepare?: (app: FastifyInstance) => Promise<void>
} {
  if (tracing === undefined) return {}
  return { prepare: async (app) => traceRequests(app, tracing.tracer) }
}

/** A page whose answers are spans, to their last byte. */
export function tracedPage({ tracing }: Traced, name: string, page: Page): Page {
  if (tracing === undefined) return page
  return async (request) => {
    const span = tracing.tracer.begin(name, { kind: 'internal' })
    const end = (error?: unknown): void => {
      if (error instanceof Error) span.fail(error.message)
      span.end()
    }
    try {
      const answer = await span.run(() => page(request))
      if (typeof answer.body === 'string') end()
      else finished(answer.body, end)
      return answer
    } catch (error) {
      end(error)
      throw error
    }
  }
}

/** What a server of gRPC is to trace its calls with: options of it. */
export function tracedCalls({ tracing }: Traced): { readonly trace?: TraceCall } {
  if (tracing === undefined) return {}
  return {
    trace: (path, parent, work) => {
      const attributes = { 'rpc.system.name': 'grpc', 'rpc.method': path.slice(1) }
      return inSpan(tracing.tracer, path.slice(1), { kind: 'server', parent, attributes }, work)
    },
  }
}

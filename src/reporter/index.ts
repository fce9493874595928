/** What programs may import from `meshtap/reporter`: they report requests of their own, without a proxy. */
export type { ConnectionEvent, Direction, Endpoint, Header, MeshEvent, RequestEvent } from '../event/event.ts'
export type { BatchSink, NumberedBatch, SinkAnswer } from './batch-sink.ts'
export { createReporter } from './create-reporter.ts'
export type { CreateReporterOptions } from './create-reporter.ts'
export { fastifyReporter } from './fastify-reporter.ts'
export type { FastifyReporterOptions } from './fastify-reporter.ts'
export { DEFAULT_REPORTER_LIMITS, Reporter } from './reporter.ts'
export type {
  DropReason,
  ReporterLimits,
  ReporterOptions,
  ReporterStats,
  ReporterTrouble,
} from './reporter.ts'
export { SpoolError } from './spool/spool-error.ts'
export type { SpoolErrorCode } from './spool/spool-error.ts'
export type { SpoolOptions, SpoolStats } from './spool/spool.ts'
export { undiciReporter } from './undici-reporter.ts'
export type { UndiciReporterOptions } from './undici-reporter.ts'

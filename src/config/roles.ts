import { ACCESS_SETTINGS, accessFaults, INGEST_ACCESS_SETTINGS } from './access-settings.ts'
import { EMBEDDED_SETTINGS } from './embedded-settings.ts'
import { EVENT_SETTINGS, FORMAT_SETTINGS } from './event-settings.ts'
import {
  ALLOWED_HOSTS,
  GATEWAY_LISTEN,
  GRPC_LISTEN,
  INGEST_LISTEN,
  MAX_SERIES,
  METRICS_LISTEN,
  STATUS_LISTEN,
} from './http-settings.ts'
import { IDENTITY_SETTINGS } from './identity-settings.ts'
import { KAFKA_READING_SETTINGS, kafkaFaults, KAFKA_SETTINGS } from './kafka-settings.ts'
import { CONNECTION_SETTINGS, GATEWAY_LIMIT_SETTINGS, limitFaults } from './limit-settings.ts'
import { LOG_SETTINGS } from './log-settings.ts'
import { REDIS_SETTINGS } from './redis-settings.ts'
import { ROLLUP_SETTINGS } from './rollup-settings.ts'
import { TRACING_SETTINGS } from './tracing-settings.ts'
import type { Setting, SettingFault, SettingSchema, Settings } from './setting.ts'

/** What each role can be told. A setting means the same in every role that has it. */
export const ROLE_SETTINGS = {
  serve: {
    listen: GATEWAY_LISTEN,
    ingestListen: INGEST_LISTEN,
    grpcListen: GRPC_LISTEN,
    allowedHosts: ALLOWED_HOSTS,
    maxSeries: MAX_SERIES,
    ...ACCESS_SETTINGS,
    ...INGEST_ACCESS_SETTINGS,
    ...GATEWAY_LIMIT_SETTINGS,
    ...EMBEDDED_SETTINGS,
    ...EVENT_SETTINGS,
    ...IDENTITY_SETTINGS,
    ...ROLLUP_SETTINGS,
    ...LOG_SETTINGS,
    ...TRACING_SETTINGS,
  },
  ingest: {
    listen: INGEST_LISTEN,
    grpcListen: GRPC_LISTEN,
    allowedHosts: ALLOWED_HOSTS,
    ...INGEST_ACCESS_SETTINGS,
    ...CONNECTION_SETTINGS,
    ...KAFKA_SETTINGS,
    ...LOG_SETTINGS,
    ...TRACING_SETTINGS,
  },
  aggregator: {
    listen: STATUS_LISTEN,
    allowedHosts: ALLOWED_HOSTS,
    ...KAFKA_SETTINGS,
    ...REDIS_SETTINGS,
    ...EVENT_SETTINGS,
    ...FORMAT_SETTINGS,
    ...IDENTITY_SETTINGS,
    ...ROLLUP_SETTINGS,
    ...LOG_SETTINGS,
    ...TRACING_SETTINGS,
  },
  gateway: {
    listen: GATEWAY_LISTEN,
    allowedHosts: ALLOWED_HOSTS,
    ...ACCESS_SETTINGS,
    ...GATEWAY_LIMIT_SETTINGS,
    ...REDIS_SETTINGS,
    ...KAFKA_READING_SETTINGS,
    ...EVENT_SETTINGS,
    ...FORMAT_SETTINGS,
    ...IDENTITY_SETTINGS,
    ...LOG_SETTINGS,
    ...TRACING_SETTINGS,
  },
  exporter: {
    listen: METRICS_LISTEN,
    allowedHosts: ALLOWED_HOSTS,
    maxSeries: MAX_SERIES,
    ...REDIS_SETTINGS,
    ...LOG_SETTINGS,
    ...TRACING_SETTINGS,
  },
} as const satisfies Readonly<Record<string, SettingSchema>>

export type Role = keyof typeof ROLE_SETTINGS

export type RoleSettings<R extends Role> = Settings<(typeof ROLE_SETTINGS)[R]>

export const ROLES = Object.keys(ROLE_SETTINGS) as readonly Role[]

/** Every setting of any role, by name. */
export const ALL_SETTINGS: ReadonlyMap<string, Setting<unknown>> = new Map(
  Object.values<SettingSchema>(ROLE_SETTINGS)
    .flatMap((schema) => Object.values(schema))
    // What is optional for one role is said as who needs it has it.
    .filter(
      ({ name, isRequired }, _, all) =>
        isRequired || !all.some((other) => other.name === name && other.isRequired),
    )
    .map((setting) => [setting.name, setting]),
)

/** Faults of a schema's settings that are right each for itself. */
export function combinedFaults(
  schema: SettingSchema,
  values: Readonly<Record<string, unknown>>,
): readonly SettingFault[] {
  return [
    ...accessFaults(schema, values),
    ...limitFaults(values),
    ...('brokers' in schema ? kafkaFaults(values) : []),
  ]
}

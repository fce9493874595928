import { SPAN_KEYS } from './otlp-conventions.ts'

/**
 * Which attribute of an access log's record gives what: those of spans, and the names that such logs have besides. Fields
 * of spans come first and in their order.
 */
export const LOG_KEYS = {
  ...SPAN_KEYS,
  status: [...SPAN_KEYS.status, 'http.status', 'response_code'],
  target: [...SPAN_KEYS.target, 'http.path'],
  host: [...SPAN_KEYS.host, 'http.authority'],
  responseFlags: [...SPAN_KEYS.responseFlags, 'flags'],
  durationMillis: ['duration_ms', 'http.duration_ms'],
  durationSeconds: ['http.server.request.duration', 'duration_seconds'],
  direction: ['network.io.direction', 'traffic_direction', 'direction'],
} as const

import {
  BytesPerSecondSI,
  BytesSI,
  CountsPerSecond,
  EventsPerSecond,
  Milliseconds,
  PercentUnit,
  RequestsPerSecond,
  Seconds,
  Short,
} from '@grafana/grafana-foundation-sdk/units'

/** Units that values are shown in. Shares are 0 to 1. */
export const UNITS = {
  share: PercentUnit,
  requests: RequestsPerSecond,
  events: EventsPerSecond,
  changes: CountsPerSecond,
  latency: Milliseconds,
  seconds: Seconds,
  bytes: BytesSI,
  byteRate: BytesPerSecondSI,
  count: Short,
} as const

export type Unit = (typeof UNITS)[keyof typeof UNITS]

import type { LatencyAnswer } from '../../query/answer.ts'
import { percent, perSecond, tenthsOfMs, wholeMs } from './number-format.ts'
import { type Column, right } from './table.ts'

/** How much of an answer is shown. */
export type Detail = 'table' | 'wide'

/** What rows of `stat`, `routes` and `edges` share. */
export interface GoldenSignals {
  readonly success: number | null
  readonly rps: number | null
  readonly latencyMs: LatencyAnswer | null
}

/** SUCCESS, RPS and the latencies, which have a decimal in `wide`. */
export function goldenColumns<R extends GoldenSignals>(detail: Detail): Column<R>[] {
  const ms = detail === 'wide' ? tenthsOfMs : wholeMs
  return [
    right('SUCCESS', ({ success }) => percent(success)),
    right('RPS', ({ rps }) => perSecond(rps)),
    right('LATENCY_P50', ({ latencyMs }) => ms(latencyMs?.p50 ?? null)),
    right('LATENCY_P95', ({ latencyMs }) => ms(latencyMs?.p95 ?? null)),
    right('LATENCY_P99', ({ latencyMs }) => ms(latencyMs?.p99 ?? null)),
  ]
}

/** The same under Linkerd's names for JSON. */
export function goldenJson({ success, rps, latencyMs }: GoldenSignals): Record<string, number | null> {
  return {
    success,
    rps,
    latency_ms_p50: latencyMs?.p50 ?? null,
    latency_ms_p95: latencyMs?.p95 ?? null,
    latency_ms_p99: latencyMs?.p99 ?? null,
  }
}

export type Classification = 'success' | 'failure'

/**
 * Which outcomes count as failures. As Linkerd's proxies do it: HTTP 5xx, gRPC status in {2, 4, 7, 13, 14, 15}, or
 * a reset. Everything else is a success, an event that names no status included.
 */
export interface ClassificationRules {
  /** HTTP statuses that differ from the default, for example `{ 429: 'failure', 501: 'success' }`. */
  readonly http?: Readonly<Record<number, Classification>>
  /** gRPC statuses that differ from the default. */
  readonly grpc?: Readonly<Record<number, Classification>>
}

const GRPC_FAILURES: ReadonlySet<number> = new Set([2, 4, 7, 13, 14, 15])

/** Classifies an outcome; `status` and `grpcStatus` are -1 where there is none. A gRPC status outranks HTTP's. */
export function classify(
  status: number,
  grpcStatus: number,
  reset: boolean,
  rules: ClassificationRules = {},
): Classification {
  if (reset) return 'failure'
  if (grpcStatus >= 0) {
    return rules.grpc?.[grpcStatus] ?? (GRPC_FAILURES.has(grpcStatus) ? 'failure' : httpClass(status, rules))
  }
  return httpClass(status, rules)
}

function httpClass(status: number, rules: ClassificationRules): Classification {
  if (status < 0) return 'success'
  return rules.http?.[status] ?? (status >= 500 && status <= 599 ? 'failure' : 'success')
}

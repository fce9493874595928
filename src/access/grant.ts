/** What may be asked for: figures, single requests, and of either the paths and headers. */
export const ALLOWANCES = ['stat', 'tap', 'paths', 'headers'] as const

export type Allowance = (typeof ALLOWANCES)[number]

/** What is allowed in some namespaces of some clusters. */
export interface Grant {
  /** Patterns: `*` is any run of characters, `?` one. */
  readonly clusters: readonly string[]
  readonly namespaces: readonly string[]
  readonly allow: ReadonlySet<Allowance>
}

/** Everything there is, and ever will be. */
export const EVERYTHING: readonly Grant[] = [
  { clusters: ['*'], namespaces: ['*'], allow: new Set(ALLOWANCES) },
]

/** A family and its samples, as any format can be written from. */
export type OwnSamples = {
  readonly name: string
  readonly help: string
} & (
  | { readonly type: 'counter' | 'gauge'; readonly samples: readonly ValueSample[] }
  | { readonly type: 'histogram'; readonly samples: readonly HistogramSample[] }
)

export interface ValueSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface HistogramSample extends BucketCounts {
  readonly labels: Readonly<Record<string, string>>
}

/** A histogram by its classic buckets. */
export interface BucketCounts {
  /** Upper bounds, ascending, without +Inf. */
  readonly bounds: readonly number[]
  /** How many are at most as large as each bound; after them, how many there are. */
  readonly cumulative: readonly number[]
  readonly sum: number
}

import type {
  EdgesAnswer,
  ReasonsAnswer,
  ResourcesAnswer,
  RoutesAnswer,
  StatAnswer,
  TimeseriesAnswer,
  TopAnswer,
} from './answer.ts'
import { edges } from './edges.ts'
import type {
  EdgesRequest,
  ReasonsRequest,
  ResourcesRequest,
  RoutesRequest,
  StatRequest,
  TimeseriesRequest,
  TopRequest,
} from './requests.ts'
import { type PodCounts, podsWithin } from './pod-counts.ts'
import { reasons } from './reasons.ts'
import { resources } from './resources.ts'
import { type ReaderStats, RollupReader } from './rollup-reader.ts'
import { routes } from './routes.ts'
import type { Source } from './sources.ts'
import { stat } from './stat.ts'
import { timeseries } from './timeseries.ts'
import { top } from './top.ts'
import type { View } from './view.ts'
import { RecentViews } from './recent-views.ts'

/** Room for about 500 blocks of a thousand series, and for the counts of eight answers of a thousand rows. */
const DEFAULT_CACHE_BYTES = 256 * 1024 * 1024

/** Views whose caches are kept. */
const MAX_VIEWS = 16

export interface QueryEngineOptions {
  /** What is merged into one answer: one store, or one a cluster or peer. Names are unique; answers name them. */
  readonly stores: readonly Source[]
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Most bytes of decoded blobs, series keys and counts kept between queries. */
  readonly cacheBytes?: number
  /** Without it everything is seen. */
  readonly view?: View
  /** Tells what pods there are, where that is known. */
  readonly pods?: PodCounts
}

/**
 * Answers questions from rollups.
 *
 * Each answer is made from one consistent state of each partition. A store that fails, or that holds what cannot be
 * decoded, is named in `partial` and the rest is given; where all fail, the answer rejects with a `StoreError`.
 * Requests are made by the functions of `requests.ts`, which reject bad parameters with a `RequestError`; so does
 * `timeseries`, of an answer that would be too large.
 */
export class QueryEngine {
  readonly #options: QueryEngineOptions
  readonly #reader: RollupReader
  readonly #pods: PodCounts | undefined
  readonly #views = new RecentViews<QueryEngine>(MAX_VIEWS)

  constructor(options: QueryEngineOptions) {
    const { stores, now, cacheBytes = DEFAULT_CACHE_BYTES, view, pods } = options
    if (stores.length === 0) throw new RangeError('a query engine needs at least one store')
    if (new Set(stores.map(({ name }) => name)).size < stores.length) {
      throw new RangeError(`stores need distinct names: ${stores.map(({ name }) => name).join(', ')}`)
    }
    this.#options = { ...options, cacheBytes }
    this.#pods = pods === undefined || view === undefined ? pods : podsWithin(pods, view)
    this.#reader = new RollupReader({ sources: stores, now, cacheBytes, ...(view && { view }) })
  }

  /**
   * The engine that answers as if there were only what a view sees. The caches of the views asked for last, at most 16,
   * may together grow as large as this engine's own; another view's first answer reads everything anew.
   */
  within(view: View): QueryEngine {
    const { cacheBytes = DEFAULT_CACHE_BYTES } = this.#options
    return this.#views.of(
      view.id,
      () => new QueryEngine({ ...this.#options, cacheBytes: cacheBytes / MAX_VIEWS, view }),
    )
  }

  /** Counts of what is kept between queries, for metrics. */
  get cache(): ReaderStats {
    return this.#reader.stats
  }

  stat(request: StatRequest): Promise<StatAnswer> {
    return stat(this.#reader, request, this.#pods?.current())
  }

  reasons(request: ReasonsRequest): Promise<ReasonsAnswer> {
    return reasons(this.#reader, request)
  }

  top(request: TopRequest): Promise<TopAnswer> {
    return top(this.#reader, request)
  }

  edges(request: EdgesRequest): Promise<EdgesAnswer> {
    return edges(this.#reader, request)
  }

  routes(request: RoutesRequest): Promise<RoutesAnswer> {
    return routes(this.#reader, request)
  }

  timeseries(request: TimeseriesRequest): Promise<TimeseriesAnswer> {
    return timeseries(this.#reader, request)
  }

  resources(request: ResourcesRequest): Promise<ResourcesAnswer> {
    return resources(this.#reader, request)
  }
}

import { setTimeout as sleep } from 'node:timers/promises'

/** A series of an answer. */
export interface Result {
  readonly metric: Readonly<Record<string, string>>
  /** Of plain samples, whatever their number; those of native histograms are their counts. */
  readonly values: readonly number[]
  readonly isHistogram: boolean
}

interface Histogram {
  readonly count: string
}

type Sample<T> = readonly [time: number, value: T]

interface Data {
  readonly resultType: 'vector' | 'matrix' | 'scalar'
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>
    readonly value?: Sample<string>
    readonly values?: readonly Sample<string>[]
    readonly histogram?: Sample<Histogram>
    readonly histograms?: readonly Sample<Histogram>[]
  }[]
}

export interface RuleState {
  readonly name: string
  readonly type: 'recording' | 'alerting'
  readonly health: string
  readonly lastError?: string
  readonly state?: string
}

/** Prometheus' HTTP API. */
export class PrometheusApi {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** Of a moment; the present where none is said. */
  async query(query: string, timeMs?: number): Promise<Result[]> {
    const time = timeMs === undefined ? {} : { time: String(timeMs / 1000) }
    return resultsOf(await this.#get<Data>('query', { query, ...time }))
  }

  async queryRange(
    query: string,
    range: { fromMs: number; toMs: number; stepMs: number },
  ): Promise<Result[]> {
    const { fromMs, toMs, stepMs } = range
    const times = { start: String(fromMs / 1000), end: String(toMs / 1000), step: String(stepMs / 1000) }
    return resultsOf(await this.#get<Data>('query_range', { query, ...times }))
  }

  /** The only value of a query's answer, 0 where there is none. */
  async value(query: string): Promise<number> {
    const [result, ...more] = await this.query(query)
    if (more.length > 0) throw new Error(`${query} has ${more.length + 1} results`)
    return result?.values[0] ?? 0
  }

  async labelValues(label: string, series: string): Promise<string[]> {
    return this.#get<string[]>(`label/${label}/values`, { 'match[]': series })
  }

  async rules(): Promise<RuleState[]> {
    const { groups } = await this.#get<{ groups: { rules: RuleState[] }[] }>('rules', {})
    return groups.flatMap(({ rules }) => rules)
  }

  async exemplars(query: string, range: { fromMs: number; toMs: number }): Promise<readonly Exemplars[]> {
    const times = { start: String(range.fromMs / 1000), end: String(range.toMs / 1000) }
    return this.#get('query_exemplars', { query, ...times })
  }

  /** Asks until the answer is as wanted. Rejects after a minute. */
  async until(query: string, isWanted: (results: readonly Result[]) => boolean): Promise<readonly Result[]> {
    for (const end = Date.now() + 60_000; ; await sleep(100)) {
      const results = await this.query(query)
      if (isWanted(results)) return results
      if (Date.now() > end) throw new Error(`${query}: ${JSON.stringify(results)}`)
    }
  }

  async #get<T>(path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
    const query = new URLSearchParams(parameters).toString()
    const response = await fetch(`${this.#url}/api/v1/${path}?${query}`)
    const answer = (await response.json()) as { status: string; error?: string; data: T }
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${JSON.stringify(parameters)}`)
    return answer.data
  }
}

export interface Exemplars {
  readonly seriesLabels: Readonly<Record<string, string>>
  readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: string }[]
}

function resultsOf({ result }: Data): Result[] {
  return result.map(({ metric, value, values, histogram, histograms }) => {
    const plain = values ?? (value === undefined ? [] : [value])
    const native = histograms ?? (histogram === undefined ? [] : [histogram])
    return {
      metric,
      values: [
        ...plain.map(([, text]) => Number(text.replace('Inf', 'Infinity'))),
        ...native.map(([, { count }]) => Number(count)),
      ],
      isHistogram: native.length > 0,
    }
  })
}

import type { Readable, Transform } from 'node:stream'
import { createGzip, createZstdCompress, constants } from 'node:zlib'
import { RequestError } from '../event/request-error.ts'
import type { PageAnswer, PageRequest } from '../http/page.ts'
import { HttpProblem } from '../http/problem.ts'
import { type RollupStore, StoreError } from '../store/rollup-store.ts'
import type { OwnSamples } from '../telemetry/own-samples.ts'
import { ChunkStream } from './chunk-stream.ts'
import { Exposition } from './exposition.ts'
import { MeshReader } from './mesh-reader.ts'
import { chooseCoding, chooseFormat, type Coding } from './negotiation.ts'
import type { MergedScope } from './merged-scope.ts'
import { meshUp, partitionFamilies, seriesFamilies } from './own-metrics.ts'
import { Pace } from './pace.ts'
import { Progress, RewoundError } from './progress.ts'
import type { Chunk, SampleWriter } from './sample-writer.ts'
import { parseSelection, type Selection } from './selection.ts'

/** Label sets of one level in one scrape. */
export const DEFAULT_MAX_SERIES = 200_000

/** Scrapes that are answered at once. */
const MAX_SCRAPES = 4
/** From a scrape's first byte to its last. */
const MAX_SCRAPE_MS = 120_000

export interface MetricsPageOptions {
  readonly store: Pick<RollupStore, 'partitions' | 'read'>
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly maxSeries?: number
  /**
   * Further families, asked for once a scrape. With them a scrape that cannot have the mesh's series, because the store does
   * not answer or is being rebuilt, has these alone.
   */
  readonly own?: () => Promise<readonly OwnSamples[]>
  /** Told why a scrape lacks the mesh's series. */
  readonly onAway?: (error: StoreError | RewoundError) => void
  /** Told how long a scrape took to its last byte; not of those that were refused. */
  readonly onScrape?: (seconds: number) => void
}

/** How a scrape ended: with everything, without the mesh's series, before its end, or before its beginning. */
export type ScrapeOutcome = 'complete' | 'own' | 'broken' | 'refused'

/** `/metrics`: the mesh's series, how far the partitions are, and meshtap's own, in the format that a client asks for. */
export class MetricsPage {
  readonly #options: MetricsPageOptions
  readonly #progress = new Progress()
  readonly #outcomes: Record<ScrapeOutcome, number> = { complete: 0, own: 0, broken: 0, refused: 0 }
  #running = 0

  constructor(options: MetricsPageOptions) {
    this.#options = options
  }

  /**
   * Resolves with the first bytes made. Rejects with an `HttpProblem`: 400 for a parameter, 429 while others scrape, and,
   * without metrics of its own, 503 where the store does not answer or is being rebuilt. What goes wrong later breaks the
   * body off.
   */
  async answer(request: PageRequest): Promise<PageAnswer> {
    try {
      return await this.#answer(request)
    } catch (error) {
      this.#outcomes.refused++
      throw error
    }
  }

  /** Scrapes by how they ended. */
  get outcomes(): Readonly<Record<ScrapeOutcome, number>> {
    return this.#outcomes
  }

  get maxSeries(): number {
    return this.#options.maxSeries ?? DEFAULT_MAX_SERIES
  }

  async #answer({ parameters, accept, acceptEncoding }: PageRequest): Promise<PageAnswer> {
    const selection = selectionOf(parameters)
    const writer = chooseFormat(accept)
    const coding = chooseCoding(acceptEncoding)
    if (this.#running >= MAX_SCRAPES) {
      const detail = `${this.#running} scrapes are being answered; ask again in a moment`
      throw new HttpProblem(429, 'OVERLOADED', detail, { retryAfterSeconds: 1 })
    }
    this.#running++
    const startMs = performance.now()
    const scrape: { outcome: ScrapeOutcome } = { outcome: 'broken' }
    const chunks = this.#chunks(writer, selection, scrape)
    let body: Readable
    try {
      const first = await chunks.next()
      const onSent = (chunk: Chunk) => writer.reuse(chunk)
      body = encoded(new ChunkStream({ chunks: following(first, chunks), onSent }), coding)
    } catch (error) {
      this.#running--
      throw problemOf(error)
    }
    const tooLong = setTimeout(
      () => body.destroy(new Error(`a scrape was not read in ${MAX_SCRAPE_MS} ms`)),
      MAX_SCRAPE_MS,
    )
    body.once('close', () => {
      clearTimeout(tooLong)
      this.#running--
      this.#outcomes[scrape.outcome]++
      this.#options.onScrape?.((performance.now() - startMs) / 1000)
    })
    return {
      headers: {
        'content-type': writer.contentType,
        vary: 'accept, accept-encoding',
        ...(coding === 'identity' ? {} : { 'content-encoding': coding }),
      },
      body,
    }
  }

  async *#chunks(
    writer: SampleWriter,
    selection: Selection,
    scrape: { outcome: ScrapeOutcome },
  ): AsyncGenerator<Chunk, void> {
    const { own } = this.#options
    const pace = new Pace()
    const exposition = new Exposition(writer, pace)
    const found = await this.#find(writer, selection, pace)
    const families = (await own?.()) ?? []
    if (found === undefined) {
      yield* exposition.small([meshUp(false), ...families])
      yield* exposition.end()
      scrape.outcome = 'own'
      return
    }
    const { mesh, workloads } = found
    yield* exposition.small([meshUp(true), ...partitionFamilies(mesh.partitions), ...families])
    for await (const scopes of workloads) yield* exposition.workloads(scopes)
    for await (const scopes of await mesh.read('route')) yield* exposition.routes(scopes)
    yield* exposition.small(seriesFamilies(mesh.counts))
    yield* exposition.end()
    scrape.outcome = 'complete'
  }

  /** What the mesh's series are made of; undefined where the store has none to give now, and there is something else. */
  async #find(
    writer: SampleWriter,
    selection: Selection,
    pace: Pace,
  ): Promise<
    { readonly mesh: MeshReader; readonly workloads: AsyncIterable<readonly MergedScope[]> } | undefined
  > {
    const { store, now, own, onAway } = this.#options
    const { maxSeries } = this
    const progress = this.#progress
    try {
      const mesh = await MeshReader.open({ store, selection, progress, writer, pace, maxSeries, now })
      return { mesh, workloads: await mesh.read('workload') }
    } catch (error) {
      if (own === undefined || !(error instanceof StoreError || error instanceof RewoundError)) throw error
      onAway?.(error)
      return undefined
    }
  }
}

async function* following(
  first: IteratorResult<Chunk, void>,
  rest: AsyncGenerator<Chunk, void>,
): AsyncGenerator<Chunk, void> {
  if (first.done === true) return
  yield first.value
  yield* rest
}

function encoded(body: Readable, coding: Coding): Readable {
  const encoder = encoderOf(coding)
  if (encoder === undefined) return body
  body.once('error', (error) => encoder.destroy(error))
  encoder.once('close', () => body.destroy())
  return body.pipe(encoder)
}

function encoderOf(coding: Coding): Transform | undefined {
  switch (coding) {
    case 'identity':
      return undefined
    case 'gzip':
      return createGzip({ level: constants.Z_BEST_SPEED })
    case 'zstd':
      return createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  }
}

function selectionOf(parameters: URLSearchParams): Selection {
  try {
    return parseSelection(parameters)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    const { code, parameter, message } = error
    throw new HttpProblem(400, code, `${parameter}: ${message}`, { parameter }, { cause: error })
  }
}

function problemOf(error: unknown): unknown {
  if (error instanceof RewoundError) {
    return new HttpProblem(503, error.code, error.message, { retryAfterSeconds: 5 }, { cause: error })
  }
  if (!(error instanceof StoreError)) return error
  const detail = `the store of the rollups does not answer: ${error.message}`
  return new HttpProblem(503, error.code, detail, { retryAfterSeconds: 1 }, { cause: error })
}

import { Readable, type Transform } from 'node:stream'
import { createGzip, createZstdCompress, constants } from 'node:zlib'
import { RequestError } from '../event/request-error.ts'
import type { PageAnswer, PageRequest } from '../http/page.ts'
import { HttpProblem } from '../http/problem.ts'
import { type RollupStore, StoreError } from '../store/rollup-store.ts'
import { Exposition } from './exposition.ts'
import { FAMILIES } from './families.ts'
import { MeshReader } from './mesh-reader.ts'
import { chooseCoding, chooseFormat, type Coding } from './negotiation.ts'
import { partitionFamilies, type SmallFamily } from './own-metrics.ts'
import { Pace } from './pace.ts'
import { Progress, RewoundError } from './progress.ts'
import type { SampleWriter } from './sample-writer.ts'
import { parseSelection, type Selection } from './selection.ts'

/** Label sets of one level in one scrape. */
export const DEFAULT_MAX_SERIES = 200_000

/** Scrapes that are answered at once. */
const MAX_SCRAPES = 4
/** From a scrape's first byte to its last. */
const MAX_SCRAPE_MS = 120_000

export interface MetricsPageOptions {
  readonly store: Pick<RollupStore, 'partitions' | 'read'>
  readonly version: string
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly maxSeries?: number
  /** Further families, asked for once a scrape. */
  readonly own?: () => Promise<readonly SmallFamily[]>
}

/** `/metrics`: the mesh's series and how far the partitions are, in the format that a client asks for. */
export class MetricsPage {
  readonly #options: MetricsPageOptions
  readonly #progress = new Progress()
  #running = 0

  constructor(options: MetricsPageOptions) {
    this.#options = options
  }

  /**
   * Resolves with the first bytes made. Rejects with an `HttpProblem`: 400 for a parameter, 429 while others scrape, 503
   * where the store does not answer or is being rebuilt. What goes wrong later breaks the body off.
   */
  async answer({ parameters, accept, acceptEncoding }: PageRequest): Promise<PageAnswer> {
    const selection = selectionOf(parameters)
    const writer = chooseFormat(accept)
    const coding = chooseCoding(acceptEncoding)
    if (this.#running >= MAX_SCRAPES) {
      const detail = `${this.#running} scrapes are being answered; ask again in a moment`
      throw new HttpProblem(429, 'OVERLOADED', detail, { retryAfterSeconds: 1 })
    }
    this.#running++
    const chunks = this.#chunks(writer, selection)
    let body: Readable
    try {
      const first = await chunks.next()
      body = encoded(Readable.from(following(first, chunks), { objectMode: false }), coding)
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

  async *#chunks(writer: SampleWriter, selection: Selection): AsyncGenerator<Buffer> {
    const { store, version, now, maxSeries = DEFAULT_MAX_SERIES, own } = this.#options
    const pace = new Pace()
    const progress = this.#progress
    const mesh = await MeshReader.open({ store, selection, progress, writer, pace, maxSeries, now })
    const exposition = new Exposition(writer, pace)
    yield* exposition.small([...partitionFamilies(mesh.partitions, version), ...((await own?.()) ?? [])])
    yield* exposition.workloads(await mesh.read('workload'))
    yield* exposition.routes(await mesh.read('route'))
    const { series, limited } = mesh.counts
    yield* exposition.small([
      { ...FAMILIES.labelSets, samples: [{ labels: {}, value: series }] },
      { ...FAMILIES.limited, samples: [{ labels: {}, value: limited }] },
    ])
    yield* exposition.end()
  }
}

async function* following(first: IteratorResult<Buffer, unknown>, rest: AsyncGenerator<Buffer>) {
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

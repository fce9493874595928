import { CONTENT_TYPES } from '../../event/content-type.ts'
import { decode } from '../../event/decode.ts'
import type { DecodeFault } from '../../event/decode-error.ts'
import { Dictionary, type DictionaryLimits } from '../../event/dictionary.ts'
import { encodeEventBatch } from '../../event/event-batch-encoder.ts'
import { EventColumns } from '../../event/event-columns.ts'
import { addEvent } from '../../event/event-objects.ts'
import type { MeshEvent } from '../../event/event.ts'
import { type InputValue, malformed } from './input-value.ts'

/** A batch that counts once however often it is sent. */
export interface NumberedBatch {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly sequence: number
  readonly events: number
}

export interface NumberedBatchesOptions {
  readonly producer: string
  /** Events of a batch. */
  readonly events: number
  /** Called for each value that is no event, which is then left out; without it such a value is an error. */
  readonly onMalformed?: (line: number, message: string) => void
  /** Largest batch; a larger one is halved. */
  readonly maxBytes?: number
}

/** A record of the log holds a million bytes, and a numbered batch must fit one. */
const MAX_BATCH_BYTES = 900_000

const DICTIONARY_LIMITS: DictionaryLimits = { symbolBytes: 8 * 1024 * 1024, flows: 50_000 }

/**
 * Numbers events from 1 up, batch by batch. The same values under the same options make the same batches, so that a push
 * that is run again under the same producer counts nothing twice.
 */
export async function* numberedBatches(
  values: AsyncIterable<readonly InputValue[]>,
  options: NumberedBatchesOptions,
): AsyncGenerator<NumberedBatch> {
  const batcher = new Batcher(options)
  let pending: InputValue[] = []
  for await (const more of values) {
    pending = pending.length === 0 ? [...more] : pending.concat(more)
    while (pending.length >= options.events) yield* batcher.batchesOf(pending.splice(0, options.events))
  }
  if (pending.length > 0) yield* batcher.batchesOf(pending)
}

/** The same for events that are decoded already. */
export function* renumberedBatches(
  events: readonly MeshEvent[],
  options: NumberedBatchesOptions,
): Generator<NumberedBatch> {
  const batcher = new Batcher(options)
  for (let start = 0; start < events.length; start += options.events) {
    yield* batcher.batchesOfEvents(events.slice(start, start + options.events))
  }
}

class Batcher {
  readonly #options: NumberedBatchesOptions
  readonly #maxBytes: number
  #columns = new EventColumns(new Dictionary(DICTIONARY_LIMITS))
  #sequence = 0

  constructor(options: NumberedBatchesOptions) {
    this.#options = options
    this.#maxBytes = options.maxBytes ?? MAX_BATCH_BYTES
  }

  *batchesOf(values: readonly InputValue[]): Generator<NumberedBatch> {
    const fault = this.#decode(values)
    if (fault !== undefined) {
      const good = this.#wellFormed(values)
      // One alone decoded, and together they do not: a fault of ours, not of the file.
      if (good.length === values.length) throw new Error(`BUG: ${fault.at}: ${fault.message}`)
      if (good.length > 0) yield* this.batchesOf(good)
      return
    }
    const batch = this.#seal()
    if (batch !== undefined) {
      yield batch
      return
    }
    if (values.length === 1) throw tooLarge(values[0]!.line, this.#maxBytes)
    const middle = values.length >> 1
    yield* this.batchesOf(values.slice(0, middle))
    yield* this.batchesOf(values.slice(middle))
  }

  *batchesOfEvents(events: readonly MeshEvent[]): Generator<NumberedBatch> {
    const columns = this.#emptyColumns()
    for (const event of events) addEvent(columns, event)
    const batch = this.#seal()
    if (batch !== undefined) {
      yield batch
      return
    }
    if (events.length === 1) throw tooLarge(1, this.#maxBytes)
    const middle = events.length >> 1
    yield* this.batchesOfEvents(events.slice(0, middle))
    yield* this.batchesOfEvents(events.slice(middle))
  }

  /** Encodes what the columns hold under the next number; undefined where it is too large. */
  #seal(): NumberedBatch | undefined {
    const columns = this.#columns
    columns.producer = this.#options.producer
    columns.sequence = this.#sequence + 1
    const bytes = encodeEventBatch(columns)
    if (bytes.length > this.#maxBytes) return undefined
    this.#sequence++
    return { bytes, sequence: this.#sequence, events: columns.requests + columns.connections }
  }

  #decode(values: readonly InputValue[]): DecodeFault | undefined {
    const lines = values.flatMap(({ bytes }) => [bytes, LINE_FEED])
    const result = decode(CONTENT_TYPES.ndjson, Buffer.concat(lines), this.#emptyColumns())
    return result.kind === 'malformed' ? result.fault : undefined
  }

  /** Those that decode alone. Throws at the first that does not, unless it is to be left out. */
  #wellFormed(values: readonly InputValue[]): InputValue[] {
    return values.filter(({ bytes, line }) => {
      const result = decode(CONTENT_TYPES.json, bytes, this.#emptyColumns())
      if (result.kind === 'decoded') return true
      const { at, message } = result.fault
      // Alone, each value is line 1 of its own.
      const why = at === 'line 1' ? message : `${at}: ${message}`
      if (this.#options.onMalformed === undefined) throw malformed(line, why)
      this.#options.onMalformed(line, why)
      return false
    })
  }

  #emptyColumns(): EventColumns {
    if (this.#columns.dictionary.overfull) {
      this.#columns = new EventColumns(new Dictionary(DICTIONARY_LIMITS))
    } else this.#columns.clear()
    return this.#columns
  }
}

const LINE_FEED = Buffer.from('\n')

function tooLarge(line: number, maxBytes: number): Error {
  return malformed(
    line,
    `the event alone needs more than the ${maxBytes} bytes of a batch; leave headers out`,
  )
}

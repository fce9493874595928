import type { BatchNumber } from '../../event/batch-number.ts'
import { CONTENT_TYPES } from '../../event/content-type.ts'
import { decode } from '../../event/decode.ts'
import { Dictionary } from '../../event/dictionary.ts'
import { EventColumns } from '../../event/event-columns.ts'
import { eventsOf } from '../../event/event-objects.ts'
import type { Mapping } from '../../mapping/mapping.ts'
import { CliError } from '../cli-error.ts'
import type { InputFormat } from './format.ts'
import { jsonValuesOf } from './json-values.ts'
import { linesOf } from './lines.ts'
import { mappedLines } from './mapped-lines.ts'
import {
  type NumberedBatch,
  numberedBatches,
  type NumberedBatchesOptions,
  renumberedBatches,
} from './numbered-batches.ts'

export interface Source {
  readonly format: InputFormat
  /** Of lines of an access log, whatever their format is. */
  readonly mapping?: Mapping | undefined
  readonly chunks: AsyncIterable<Buffer>
}

/** What is posted at once, and how much of what is counted it holds. */
export interface Message {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly count: number
  /** Where `bytes` have none of their own. */
  readonly number?: BatchNumber
}

/** Most bytes of a message that is not taken apart: what ingest takes. */
const MAX_WHOLE_BYTES = 20 * 1024 * 1024

export async function* eventMessages(
  source: Source,
  options: NumberedBatchesOptions,
): AsyncGenerator<Message> {
  for await (const { bytes, events } of batchesOf(source, options)) yield { bytes, count: events }
}

/** Each message as it is, numbered in order. */
export async function* otlpMessages({ format, chunks }: Source, producer: string): AsyncGenerator<Message> {
  if (format === 'batch') {
    yield { bytes: await wholeOf(chunks), count: 1, number: { producer, sequence: 1 } }
    return
  }
  let sequence = 0
  for await (const values of jsonValuesOf(chunks, MAX_WHOLE_BYTES)) {
    for (const { bytes } of values) {
      yield { bytes: Uint8Array.from(bytes), count: 1, number: { producer, sequence: ++sequence } }
    }
  }
}

async function* batchesOf(
  { format, chunks, mapping }: Source,
  options: NumberedBatchesOptions,
): AsyncGenerator<NumberedBatch> {
  if (mapping !== undefined) {
    yield* numberedBatches(mappedLines(linesOf(chunks), mapping, options.onMalformed), options)
    return
  }
  switch (format) {
    case 'ndjson':
      yield* numberedBatches(linesOf(chunks), options)
      break
    case 'json':
      yield* numberedBatches(jsonValuesOf(chunks), options)
      break
    case 'batch': {
      const columns = new EventColumns(new Dictionary())
      const result = decode(CONTENT_TYPES.eventBatch, await wholeOf(chunks), columns)
      if (result.kind === 'malformed') {
        const { at, message } = result.fault
        throw new CliError('INPUT_MALFORMED', `read as an EventBatch, ${at}: ${message}`)
      }
      yield* renumberedBatches(eventsOf(columns), options)
      break
    }
  }
}

async function wholeOf(chunks: AsyncIterable<Buffer>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > MAX_WHOLE_BYTES) {
      throw new CliError('INPUT_MALFORMED', `read as one message, it is larger than ${MAX_WHOLE_BYTES} bytes`)
    }
    parts.push(chunk)
  }
  return Uint8Array.from(Buffer.concat(parts))
}

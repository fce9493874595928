import type { FastifyReply, FastifyRequest } from 'fastify'
import type { BatchNumber } from '../event/batch-number.ts'
import type { EventLog } from '../log/event-log.ts'
import type { BodyCodec } from './body-codec.ts'
import { discardRest, readBody } from './body-reader.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { IntakeStats } from './ingest-stats.ts'
import type { IngestLimits } from './limits.ts'
import { type MadeRecords, RecordMaker } from './record-maker.ts'
import { requestNumber } from './request-number.ts'

export interface IntakeOptions {
  readonly log: EventLog
  readonly topic: string
  readonly limits: Pick<IngestLimits, 'bodyBytes' | 'recordBytes'>
  /** Of the bytes being handled, by this intake and any that it is shared with. */
  readonly budget: ByteBudget
  /** What is counted. */
  readonly stats: IntakeStats
}

/** The way of a body into the log, the same for all routes and transports. */
export class Intake {
  readonly #options: IntakeOptions
  readonly #maker: RecordMaker
  readonly #codecs = new WeakMap<FastifyRequest, BodyCodec>()

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#maker = new RecordMaker(options.limits.recordBytes)
  }

  /** How the body of a request is encoded that was taken or refused; undefined where that was not found out. */
  codecOf(request: FastifyRequest): BodyCodec | undefined {
    return this.#codecs.get(request)
  }

  /**
   * Reads a request's body, decodes it as `codecOf` says, and resolves when the log has its events. Rejects with a problem
   * or with what the log said; then any of them may be in the log.
   */
  async take(request: FastifyRequest, codecOf: () => BodyCodec): Promise<MadeRecords> {
    const { budget, limits, stats } = this.#options
    const lease = budget.lease()
    try {
      const codec = codecOf()
      this.#codecs.set(request, codec)
      const number = requestNumber(request.headers)
      const body = await readBody(request.raw, limits, lease)
      const made = this.make(codec, body.bytes, number)
      await this.write(made)
      stats.wireBytes += body.wireBytes
      return made
    } catch (error) {
      discardRest(request.raw, limits.bodyBytes)
      throw error
    } finally {
      lease.release()
    }
  }

  /** Makes log records of a body whose bytes the budget has. Throws a problem where it is malformed or does not fit. */
  make(codec: BodyCodec, bytes: Uint8Array, number?: BatchNumber): MadeRecords {
    return this.#maker.make(codec, bytes, number)
  }

  /** Resolves when the log has the records. Rejects with what the log said; then any of them may be in the log. */
  async write(made: MadeRecords): Promise<void> {
    const { log, topic, stats } = this.#options
    if (made.records.length > 0) await log.append(topic, made.records)
    stats.events += made.events
    stats.records += made.records.length
    stats.bodyBytes += made.bodyBytes
    stats.unknownFields += made.unknownFields
    stats.skippedSpans += made.skippedSpans
  }
}

/** Sends an answer unless the request's time ran out and it was answered meanwhile. */
export function sendOnce(reply: FastifyReply, contentType: string, body: string | Uint8Array): FastifyReply {
  return reply.sent ? reply : reply.header('content-type', contentType).send(body)
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EventLog } from '../log/event-log.ts'
import type { BodyCodec } from './body-codec.ts'
import { discardRest, readBody } from './body-reader.ts'
import { ByteBudget } from './byte-budget.ts'
import { type IngestStats, ingestStats } from './ingest-stats.ts'
import type { IngestLimits } from './limits.ts'
import { type MadeRecords, RecordMaker } from './record-maker.ts'
import { requestNumber } from './request-number.ts'

export interface IntakeOptions {
  readonly log: EventLog
  readonly topic: string
  readonly limits: IngestLimits
}

/** The way of a body into the log, the same for all routes. */
export class Intake {
  readonly stats: IngestStats
  readonly #options: IntakeOptions
  readonly #budget: ByteBudget
  readonly #maker: RecordMaker

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#budget = new ByteBudget(options.limits.inFlightBytes)
    this.#maker = new RecordMaker(options.limits.recordBytes)
    this.stats = ingestStats(() => this.#budget.used)
  }

  /**
   * Reads a request's body, decodes it as `codecOf` says, and resolves when the log has its events. Rejects with a problem
   * or with what the log said; then any of them may be in the log.
   */
  async take(request: FastifyRequest, codecOf: () => BodyCodec): Promise<MadeRecords> {
    const { log, topic, limits } = this.#options
    const lease = this.#budget.lease()
    try {
      const codec = codecOf()
      const number = requestNumber(request.headers)
      const body = await readBody(request.raw, limits, lease)
      const made = this.#maker.make(codec, body.bytes, number)
      if (made.records.length > 0) await log.append(topic, made.records)
      this.#count(made, body.wireBytes, body.bytes.length)
      return made
    } catch (error) {
      discardRest(request.raw, limits.bodyBytes)
      throw error
    } finally {
      lease.release()
    }
  }

  #count(made: MadeRecords, wireBytes: number, bodyBytes: number): void {
    const { stats } = this
    stats.events += made.events
    stats.records += made.records.length
    stats.wireBytes += wireBytes
    stats.bodyBytes += bodyBytes
    stats.unknownFields += made.unknownFields
    stats.skippedSpans += made.skippedSpans
  }
}

/** Sends an answer unless the request's time ran out and it was answered meanwhile. */
export function sendOnce(reply: FastifyReply, contentType: string, body: string | Uint8Array): FastifyReply {
  return reply.sent ? reply : reply.header('content-type', contentType).send(body)
}

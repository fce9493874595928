import { randomUUID } from 'node:crypto'
import type { handleClientStreamingCall } from '@grpc/grpc-js'
import { splitAccessLogs } from '../../event/als-identifier.ts'
import { DecodeError } from '../../event/decode-error.ts'
import { HttpProblem } from '../../http/problem.ts'
import type { Intake } from '../intake.ts'
import type { MadeRecords } from '../record-maker.ts'
import type { Failures } from './failures.ts'
import type { GrpcLimits } from './grpc-limits.ts'
import type { GrpcStats } from './grpc-stats.ts'
import type { Message } from './message.ts'
import type { OpenStreams } from './open-streams.ts'
import { StreamEnd } from './stream-end.ts'

export interface AccessLogOptions {
  readonly intake: Intake
  readonly failures: Failures
  readonly streams: OpenStreams
  readonly stats: GrpcStats
  readonly limits: Pick<GrpcLimits, 'retryMs' | 'maxRetryMs'>
  /** Aborted when what the log does not take is given up. */
  readonly stop: AbortSignal
}

/**
 * `AccessLogService.StreamAccessLogs`: Envoy's protocol knows no acknowledgement, so nothing that was read is given up
 * while the server runs. What the log does not take is given to it again, under the same number, so that it counts once;
 * the stream is not read on meanwhile, and Envoy keeps what its buffer holds.
 */
export function streamAccessLogs(options: AccessLogOptions): handleClientStreamingCall<Message, Buffer> {
  const { intake, failures, streams, stats } = options
  return (call, callback) => {
    const ending = new StreamEnd((failure) => {
      if (failure === undefined) callback(null, Buffer.alloc(0))
      else callback(failures.statusOf(failure))
    })
    const close = streams.add((reason) => ending.end(reason))
    const producer = randomUUID()
    let sequence = 0
    /** Only the first message of a stream has it. */
    let identifier: Uint8Array | undefined

    const make = (bytes: Buffer): MadeRecords => {
      const split = splitAccessLogs(bytes)
      identifier = split.identifier ?? identifier
      if (identifier === undefined) throw unidentified()
      const body = Buffer.concat([identifier, split.entries])
      return intake.make('envoyAccessLogs', body, { producer, sequence: ++sequence })
    }

    const take = async (bytes: Buffer): Promise<void> => {
      let made: MadeRecords
      try {
        made = make(bytes)
      } catch (error) {
        stats.lostMessages++
        failures.count(asProblem(error))
        if (identifier === undefined) throw asProblem(error)
        return
      }
      await write(made, options)
    }

    call.on('data', (message: Message) => {
      if (!ending.take(message, take)) stats.lostMessages++
    })
    call.on('end', () => ending.end())
    call.on('close', close)
  }
}

/** Resolves when the log has the records, however long that takes, or when they are given up. */
async function write(made: MadeRecords, options: AccessLogOptions): Promise<void> {
  const { intake, failures, stats, limits, stop } = options
  for (let wait = limits.retryMs; ; wait = Math.min(2 * wait, limits.maxRetryMs)) {
    try {
      await intake.write(made)
      return
    } catch (error) {
      const { status } = failures.count(error)
      if (status !== 503 || stop.aborted) {
        stats.lostMessages++
        return
      }
    }
    stats.retries++
    await pause(wait, stop)
  }
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      stop.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    stop.addEventListener('abort', done)
  })
}

function asProblem(error: unknown): unknown {
  if (!(error instanceof DecodeError)) return error
  return new HttpProblem(400, 'BODY_MALFORMED', error.message, { at: error.fault.at }, { cause: error })
}

function unidentified(): HttpProblem {
  return new HttpProblem(
    400,
    'IDENTIFIER_MISSING',
    'the first message of a stream of access logs must have an identifier: nothing else says who sends them',
  )
}

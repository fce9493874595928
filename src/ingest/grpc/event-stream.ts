import type { handleBidiStreamingCall } from '@grpc/grpc-js'
import { batchNumberIn } from '../../event/batch-number-in.ts'
import type { BatchNumber } from '../../event/batch-number.ts'
import { ProtobufWriter } from '../../event/protobuf-writer.ts'
import { HttpProblem } from '../../http/problem.ts'
import type { Intake } from '../intake.ts'
import type { Failures } from './failures.ts'
import type { Message } from './message.ts'
import type { OpenStreams } from './open-streams.ts'
import { StreamEnd } from './stream-end.ts'

/**
 * `EventService.PublishEvents`: each batch is acknowledged when the log has it. A message is done with, and so lets another
 * be read, when its acknowledgement has been sent: who does not read these is not read either.
 */
export function publishEvents(options: {
  readonly intake: Intake
  readonly failures: Failures
  readonly streams: OpenStreams
}): handleBidiStreamingCall<Message, Buffer> {
  const { intake, failures, streams } = options
  return (call) => {
    const ending = new StreamEnd((failure) => {
      if (failure === undefined) call.end()
      else call.emit('error', failures.statusOf(failure))
    })
    const close = streams.add((reason) => ending.end(reason))
    // Whose write has not ended; nothing tells of one that never will, as its stream was cancelled.
    const unsent = new Set<() => void>()
    const acknowledge = (number: BatchNumber, refusal?: HttpProblem): Promise<void> =>
      new Promise((resolve) => {
        if (call.destroyed) {
          resolve()
          return
        }
        unsent.add(resolve)
        call.write(acknowledgement(number, refusal), () => {
          unsent.delete(resolve)
          resolve()
        })
      })

    const take = async (bytes: Buffer): Promise<void> => {
      const number = batchNumberIn(bytes)
      if (number === undefined) throw unnumbered()
      try {
        await intake.write(intake.make('eventBatch', bytes))
      } catch (error) {
        if (!(error instanceof HttpProblem)) throw error
        failures.count(error)
        await acknowledge(number, error)
        return
      }
      await acknowledge(number)
    }

    call.on('data', (message: Message) => void ending.take(message, take))
    call.on('end', () => ending.end())
    call.on('close', () => {
      close()
      for (const resolve of unsent) resolve()
    })
  }
}

function acknowledgement({ producer, sequence }: BatchNumber, refusal: HttpProblem | undefined): Buffer {
  const writer = new ProtobufWriter(64)
  writer.string(1, producer)
  writer.varint(2, sequence)
  if (refusal !== undefined) {
    writer.message(3, () => {
      writer.string(1, refusal.code)
      writer.string(2, refusal.message)
    })
  }
  return Buffer.from(writer.finish())
}

function unnumbered(): HttpProblem {
  return new HttpProblem(
    400,
    'BATCH_NUMBER_INVALID',
    'a batch of a stream must have a producer and a sequence from 1 up, by which it is acknowledged',
  )
}

import type { handleUnaryCall, StatusObject } from '@grpc/grpc-js'
import type { BodyCodec } from '../body-codec.ts'
import type { Intake } from '../intake.ts'
import type { MadeRecords } from '../record-maker.ts'
import type { Failures } from './failures.ts'
import type { Message } from './message.ts'

/** An OTLP export: one message, answered when the log has what is in it. */
export function exportMethod(
  codec: BodyCodec,
  answer: (made: MadeRecords) => Buffer,
  { intake, failures }: { readonly intake: Intake; readonly failures: Failures },
): handleUnaryCall<Message, Buffer> {
  const take = async (request: Message): Promise<Buffer> => {
    try {
      const made = intake.make(codec, request.take())
      await intake.write(made)
      return answer(made)
    } finally {
      request.release()
    }
  }
  return ({ request }, callback) => {
    // A callback that throws is no failure to take the message.
    const answerWith = (failure: Partial<StatusObject> | null, bytes?: Buffer) =>
      process.nextTick(callback, failure, bytes)
    take(request).then(
      (bytes) => answerWith(null, bytes),
      (error: unknown) => answerWith(failures.statusOf(error)),
    )
  }
}

/** All was taken: an answer with `partial_success` unset. Spans that are no request were not refused. */
export function fullSuccess(): Buffer {
  return Buffer.alloc(0)
}

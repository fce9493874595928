import type { handleUnaryCall, StatusObject } from '@grpc/grpc-js'
import type { BodyCodec } from '../body-codec.ts'
import type { Intake } from '../intake.ts'
import type { MadeRecords } from '../record-maker.ts'
import type { Failures } from './failures.ts'
import type { Message } from './message.ts'

/** Does a call's work as what continues its `traceparent`; `path` is `/package.Service/Method`. */
export type TraceCall = <T>(
  path: string,
  traceparent: string | undefined,
  work: () => Promise<T>,
) => Promise<T>

/** An OTLP export: one message, answered when the log has what is in it. */
export function exportMethod(
  codec: BodyCodec,
  answer: (made: MadeRecords) => Buffer,
  {
    intake,
    failures,
    trace = (_path, _traceparent, work) => work(),
  }: { readonly intake: Intake; readonly failures: Failures; readonly trace?: TraceCall | undefined },
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
  return (call, callback) => {
    // A callback that throws is no failure to take the message.
    const answerWith = (failure: Partial<StatusObject> | null, bytes?: Buffer) =>
      process.nextTick(callback, failure, bytes)
    const [traceparent] = call.metadata.get('traceparent')
    const parent = typeof traceparent === 'string' ? traceparent : undefined
    trace(call.getPath(), parent, () => take(call.request)).then(
      (bytes) => answerWith(null, bytes),
      (error: unknown) => answerWith(failures.statusOf(error)),
    )
  }
}

/** All was taken: an answer with `partial_success` unset. Spans that are no request were not refused. */
export function fullSuccess(): Buffer {
  return Buffer.alloc(0)
}

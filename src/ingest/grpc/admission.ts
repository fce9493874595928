import { type ServerInterceptor, ServerInterceptingCall } from '@grpc/grpc-js'
import { HttpProblem } from '../../http/problem.ts'
import { overloaded } from '../body-reader.ts'
import type { ByteBudget, ByteLease } from '../byte-budget.ts'
import { closingProblem, type Failures } from './failures.ts'
import type { GrpcLimits } from './grpc-limits.ts'
import type { GrpcStats } from './grpc-stats.ts'
import { Message } from './message.ts'
import { methodAt } from './methods.ts'
import { StreamWindow } from './stream-window.ts'

export interface AdmissionOptions {
  /** Throws where who sent this authorization may not send events. */
  readonly admit: (authorization: string | undefined) => void
  readonly isClosing: () => boolean
  readonly budget: ByteBudget
  readonly limits: GrpcLimits
  readonly stats: GrpcStats
  readonly failures: Failures
}

/**
 * Of what anyone may send, which the budget has no share for: the name of a service. A `Watch` holds its message for as long
 * as it lasts.
 */
const OPEN_BYTES = 1024

/**
 * What every call goes through: nothing of it is read before it is known who sends it, and handlers get messages as
 * `Message`s, whose bytes the budget has. A single message that does not fit is refused, those of a stream wait.
 */
export function admission(options: AdmissionOptions): ServerInterceptor {
  const { admit, isClosing, budget, limits, stats, failures } = options
  return ({ path }, call) => {
    const { access, requestStream } = methodAt(path)
    const window = requestStream ? new StreamWindow(budget, limits) : undefined
    let single: Message | undefined
    stats.calls++
    stats.openCalls++
    let isOpen = true
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, next) => {
            try {
              if (isClosing()) throw closingProblem()
              if (access === 'granted') admit(metadata.get('authorization')[0]?.toString())
            } catch (error) {
              call.sendStatus(failures.statusOf(error))
              return
            }
            next(metadata)
          },
          onReceiveMessage: (bytes: Buffer, next) => {
            // Inflated when its call had ended: nobody would give its share back.
            if (!isOpen) return
            if (window !== undefined) {
              window.offer(bytes, next)
              return
            }
            // A second one is refused by the library, which never hands the first on either.
            single?.discard()
            const lease = budget.lease()
            const refusal = access === 'open' ? tooLong(bytes) : withoutRoom(lease, bytes)
            if (refusal !== undefined) {
              call.sendStatus(failures.statusOf(refusal))
              return
            }
            single = new Message(bytes, lease)
            next(single)
          },
          onCancel: () => {
            if (isOpen) stats.openCalls--
            isOpen = false
            window?.close()
            single?.discard()
          },
        }),
    })
  }
}

function tooLong({ length }: Buffer): HttpProblem | undefined {
  if (length <= OPEN_BYTES) return undefined
  const message = `the message has ${length} bytes, of which one of this method may have ${OPEN_BYTES}`
  return new HttpProblem(413, 'BODY_TOO_LARGE', message)
}

function withoutRoom(lease: ByteLease, { length }: Buffer): HttpProblem | undefined {
  return lease.growTo(length) ? undefined : overloaded()
}

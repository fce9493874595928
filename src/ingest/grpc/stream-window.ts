import type { ByteBudget } from '../byte-budget.ts'
import type { GrpcLimits } from './grpc-limits.ts'
import { Message } from './message.ts'

/**
 * Lets so many messages of one stream through at once: the next is handed on when one before it is released, and the
 * budget has room. As long as it is not, the stream is not read, and its client sees a window that does not open.
 */
export class StreamWindow {
  readonly #budget: ByteBudget
  readonly #limits: Pick<GrpcLimits, 'streamMessages' | 'streamBytes'>
  /** What was handed on and is not released yet. */
  readonly #messages = new Set<Message>()
  #bytes = 0
  #next: { readonly bytes: Buffer; readonly pass: (message: Message) => void } | undefined
  #endWait: (() => void) | undefined

  constructor(budget: ByteBudget, limits: Pick<GrpcLimits, 'streamMessages' | 'streamBytes'>) {
    this.#budget = budget
    this.#limits = limits
  }

  /** Calls `pass` once the message may be handled. The one before it has been passed. */
  offer(bytes: Buffer, pass: (message: Message) => void): void {
    this.#next = { bytes, pass }
    this.#advance()
  }

  /** Drops what waits, and what no handler has taken. */
  close(): void {
    this.#next = undefined
    this.#endWait?.()
    for (const message of this.#messages) message.discard()
  }

  #advance(): void {
    const next = this.#next
    if (next === undefined || this.#endWait !== undefined) return
    const { streamMessages, streamBytes } = this.#limits
    const { length } = next.bytes
    // One that is larger than all may be on its own.
    if (this.#messages.size >= streamMessages || (this.#bytes > 0 && this.#bytes + length > streamBytes))
      return
    let isPassed = false
    const end = this.#budget.whenFree(length, (lease) => {
      isPassed = true
      this.#next = undefined
      this.#endWait = undefined
      this.#bytes += length
      const message: Message = new Message(next.bytes, lease, () => {
        this.#bytes -= length
        this.#messages.delete(message)
        this.#advance()
      })
      this.#messages.add(message)
      next.pass(message)
    })
    if (isPassed) return
    this.#endWait = () => {
      this.#endWait = undefined
      end()
    }
  }
}

import type { IngestAnswer } from '../../reporter/ingest-client.ts'
import { CliError } from '../cli-error.ts'
import type { Message } from './messages.ts'

export interface SenderOptions {
  readonly post: (message: Message, signal: AbortSignal) => Promise<IngestAnswer>
  /** Where `post` posts, for messages. */
  readonly url: string
  /** The error of an ingest that takes nothing from who shows this token, or none. */
  readonly denied: (why: string) => CliError
  /** How long one message is tried, from its first failure on. */
  readonly retryForMs: number
  /** Wait before the second try; it doubles up to `maxBackoffMs`. */
  readonly backoffMs?: number
  readonly maxBackoffMs?: number
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Resolves after that time, or once the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly onRetry: (why: string) => void
}

/** What became of a message. */
export type SendOutcome = 'sent' | 'stopped'

/** Sends messages one by one, each again, as it was, while the ingest cannot take it. */
export class Sender {
  readonly #options: SenderOptions

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Throws an INGEST_REFUSED, INGEST_UNREACHABLE or TOKEN_REFUSED error. */
  async send(message: Message, signal: AbortSignal): Promise<SendOutcome> {
    const { post, url, retryForMs, now, sleep, onRetry } = this.#options
    let failingSince: number | undefined
    for (let attempt = 0; !signal.aborted; attempt++) {
      const answer = await post(message, signal)
      if (answer.kind === 'accepted') return 'sent'
      if (signal.aborted) break
      if (answer.kind === 'denied') throw this.#options.denied(answer.why)
      if (answer.kind === 'refused') {
        throw new CliError(
          'INGEST_REFUSED',
          `${url} refuses a message of ${message.bytes.length} bytes: ${answer.why}`,
        )
      }
      failingSince ??= now()
      const wait = Math.max(this.#backoff(attempt), answer.afterMs ?? 0)
      if (now() + wait - failingSince > retryForMs) throw unreachable(url, answer.why, retryForMs)
      onRetry(answer.why)
      await sleep(wait, signal)
    }
    return 'stopped'
  }

  #backoff(attempt: number): number {
    const { backoffMs = 100, maxBackoffMs = 5000, random } = this.#options
    return Math.min(backoffMs * 2 ** attempt, maxBackoffMs) * (0.5 + random() / 2)
  }
}

function unreachable(url: string, why: string, retryForMs: number): CliError {
  const tried = retryForMs === 0 ? '' : ` for ${retryForMs / 1000} s`
  return new CliError(
    'INGEST_UNREACHABLE',
    `cannot push to ${url}${tried}: ${why}. Is "meshtap serve" running there? ` +
      'Another address is given with --ingest or MESHTAP_INGEST, another time with --retry-for',
  )
}

import { randomUUID } from 'node:crypto'
import { Dictionary } from '../../event/dictionary.ts'
import { decodeEventBatch } from '../../event/event-batch-decoder.ts'
import { EventColumns } from '../../event/event-columns.ts'
import { eventsOf } from '../../event/event-objects.ts'
import { eventToJson } from '../../event/json-encoder.ts'
import type { Mapping } from '../../mapping/mapping.ts'
import { EVENT_BATCHES, IngestClient, type IngestRoute } from '../../reporter/ingest-client.ts'
import { after } from '../../reporter/timers.ts'
import { CliError } from '../cli-error.ts'
import { type CliContext, note } from '../context.ts'
import { sleep } from '../stop-signal.ts'
import { tokenRefused } from '../refusals.ts'
import type { IngestTarget } from '../servers.ts'
import { type InputFormat, sniffed } from './format.ts'
import { type Input, openInput } from './input.ts'
import { eventMessages, type Message, otlpMessages, type Source } from './messages.ts'
import { pacedBatch, paceMs } from './pace.ts'
import { ProgressBar } from './progress.ts'
import { Sender } from './sender.ts'

export interface PushOptions {
  /** `-` for the standard input. */
  readonly path: string
  readonly ingest: IngestTarget
  readonly kind: 'events' | 'otlp'
  /** Told from the file where it is left out. */
  readonly format?: InputFormat
  /** Events of a batch. */
  readonly batch: number
  /** Events a second. */
  readonly rate?: number
  readonly retryForMs: number
  readonly skipMalformed: boolean
  readonly producer?: string
  /** The file holds lines of an access log. */
  readonly mapping?: Mapping
  /** Prints the events instead of sending them. */
  readonly isDryRun: boolean
  /** Stops between two tries. */
  readonly signal: AbortSignal
}

const OTLP_JSON: IngestRoute = { path: '/v1/traces', contentType: 'application/json' }
const OTLP_PROTOBUF: IngestRoute = { path: '/v1/traces', contentType: 'application/x-protobuf' }

/** For one try. */
const TRY_TIMEOUT_MS = 30_000

/** Malformed events that are named; more are only counted. */
const NAMED_FAULTS = 5

/** Sends a file's events, and says on the standard output how many. Throws a CliError where it cannot send all. */
export async function push(context: CliContext, options: PushOptions): Promise<void> {
  const input = await openInput(options.path, context.stdin)
  options.signal.addEventListener('abort', input.close)
  try {
    const { format, chunks } = await sniffed(input.name, input.chunks)
    const source = { format: options.format ?? format, chunks, mapping: options.mapping }
    if (options.isDryRun) {
      await new Push(context, input, options, EVENT_BATCHES).print(source)
      return
    }
    await (options.kind === 'otlp'
      ? new Push(context, input, options, source.format === 'batch' ? OTLP_PROTOBUF : OTLP_JSON).otlp(source)
      : new Push(context, input, options, EVENT_BATCHES).events(source))
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'INPUT_MALFORMED') throw error
    throw new CliError(error.code, `${input.name}, ${error.message}`, { cause: error })
  }
}

class Push {
  readonly #context: CliContext
  readonly #input: Input
  readonly #options: PushOptions
  readonly #sender: Sender
  readonly #bar: ProgressBar
  readonly #startMs: number
  readonly #unit: string
  #sent = 0
  #batches = 0
  #retries = 0
  #skipped = 0
  #trouble: string | undefined

  constructor(context: CliContext, input: Input, options: PushOptions, route: IngestRoute) {
    this.#context = context
    this.#input = input
    this.#options = options
    this.#unit = options.kind === 'otlp' ? 'OTLP messages' : 'events'
    this.#bar = new ProgressBar(context.showsProgress ? context.stderr : undefined, context.now)
    this.#startMs = context.now()
    const { now } = context
    const { url, token } = options.ingest
    const client = new IngestClient(url, fetch, {
      route,
      ...(token === undefined ? {} : { token: () => token.current() }),
      timeoutMs: TRY_TIMEOUT_MS,
      after,
      now,
    })
    this.#sender = new Sender({
      post: ({ bytes, number }, signal) => client.post(bytes, signal, number),
      url: client.url,
      denied: (why) => tokenRefused(url, token, 'ingest-token', why),
      retryForMs: options.retryForMs,
      now,
      sleep,
      random: Math.random,
      onRetry: (why) => this.#retry(why),
    })
  }

  async events(source: Source): Promise<void> {
    const { producer = randomUUID(), batch, rate, skipMalformed } = this.#options
    const messages = eventMessages(source, {
      producer,
      events: pacedBatch(batch, rate),
      ...(skipMalformed ? { onMalformed: (line, message) => this.#skip(line, message) } : {}),
    })
    await this.#sendAll(messages, producer)
    this.#done(`${this.#sent} events in ${this.#batches} batches, ${this.#retries} retries`)
  }

  /** Writes the events that would be sent, a line each. */
  async print(source: Source): Promise<void> {
    const { producer = randomUUID(), batch } = this.#options
    const columns = new EventColumns(new Dictionary())
    for await (const { bytes, count } of eventMessages(source, {
      producer,
      events: batch,
      ...(this.#options.skipMalformed ? { onMalformed: (line, message) => this.#skip(line, message) } : {}),
    })) {
      decodeEventBatch(bytes, columns)
      for (const event of eventsOf(columns))
        this.#context.stdout.write(`${JSON.stringify(eventToJson(event))}\n`)
      this.#sent += count
    }
    const skipped = this.#skipped === 0 ? '' : `, ${this.#skipped} malformed left out`
    note(this.#context, `${this.#sent} events${skipped}; nothing was sent`)
  }

  async otlp(source: Source): Promise<void> {
    const { producer = randomUUID() } = this.#options
    await this.#sendAll(otlpMessages(source, producer), producer)
    this.#done(`${this.#sent} OTLP messages, ${this.#retries} retries`)
  }

  /** Sends all messages. Whoever ends early is told how far it came, and how to go on. */
  async #sendAll(messages: AsyncIterable<Message>, producer: string): Promise<void> {
    const { signal } = this.#options
    try {
      for await (const message of messages) {
        await this.#send(message)
        signal.throwIfAborted()
      }
    } catch (error) {
      this.#bar.clear()
      const hint = `to go on, push the same file with the same options and --producer ${producer}: nothing is counted twice`
      if (this.#sent > 0) note(this.#context, `pushed ${this.#sent} ${this.#unit}; ${hint}`)
      throw signal.aborted ? new CliError('INTERRUPTED', 'stopped before the end', { cause: error }) : error
    }
    this.#bar.clear()
  }

  async #send(message: Message): Promise<void> {
    const { rate, signal } = this.#options
    if ((await this.#sender.send(message, signal)) === 'stopped') return
    this.#trouble = undefined
    this.#sent += message.count
    this.#batches++
    this.#draw()
    if (rate !== undefined) await sleep(paceMs(this.#sent, this.#context.now() - this.#startMs, rate), signal)
  }

  #retry(why: string): void {
    this.#retries++
    // Without a bar, the first failure of each batch is worth a line.
    if (!this.#context.showsProgress && this.#trouble === undefined) {
      note(this.#context, `cannot push now, and will try again: ${why}`)
    }
    this.#trouble = why
    this.#draw(true)
  }

  #skip(line: number, message: string): void {
    this.#skipped++
    if (this.#skipped > NAMED_FAULTS) return
    this.#bar.clear()
    note(this.#context, `skipped ${this.#input.name}, line ${line}: ${message}`)
  }

  #draw(force = false): void {
    this.#bar.show(
      () => ({
        name: this.#input.name,
        bytes: this.#input.bytesRead(),
        size: this.#input.size,
        sent: this.#sent,
        unit: this.#unit,
        elapsedMs: this.#context.now() - this.#startMs,
        trouble: this.#trouble,
      }),
      force,
    )
  }

  #done(what: string): void {
    const skipped = this.#skipped === 0 ? '' : `, ${this.#skipped} malformed events skipped`
    this.#context.stdout.write(`pushed ${what}${skipped}\n`)
  }
}

/**
 * What ingest over gRPC takes in a CPU second of its process, decoded, encoded for the log and acknowledged, into a log that
 * costs nothing. Clients are in this process. Beside each what the gRPC library alone takes of the same messages.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { encodeEventBatch } from '../src/event/event-batch-encoder.ts'
import { splitAccessLogs } from '../src/event/als-identifier.ts'
import { ProtobufReader } from '../src/event/protobuf-reader.ts'
import { ProtobufWriter } from '../src/event/protobuf-writer.ts'
import { GRPC_METHODS } from '../src/ingest/grpc/methods.ts'
import { sdkServerMessage } from '../test/event/otlp-messages.ts'
import { report } from './figure.ts'
import { cpuSeconds, pinMeasured } from './stand.ts'
import { takeColumns, traffic } from './traffic.ts'

const SERVER = new URL('grpc-ingest-server.ts', import.meta.url).pathname
const WARM_MS = 2_000
const MEASURED_MS = 5_000
/** Unary calls, or messages of a stream, that a client has under way. */
const UNDER_WAY = 16
const SPANS = 100
/** As many as Envoy's buffer of 16 KiB takes. */
const ENTRIES = 32
const BATCH_EVENTS = 2_000

interface Load {
  readonly name: string
  readonly unit: string
  readonly bar: number
  readonly perMessage: number
  /** Sends until told to stop, and resolves when all is answered. `sent` is called for each message that was taken. */
  readonly send: (client: Client, sent: () => void, isOver: () => boolean) => Promise<void>
}

const asIs = (bytes: Buffer): Buffer => bytes

const spanMessages = Array.from({ length: 20 }, (_, seed) => Buffer.from(sdkServerMessage(SPANS, seed)))

const otlp: Load = {
  name: `OTLP spans, ${SPANS} a message`,
  unit: 'spans',
  bar: 150_000,
  perMessage: SPANS,
  send: async (client, sent, isOver) => {
    let next = 0
    const one = (): Promise<void> =>
      new Promise((resolve, reject) => {
        const message = spanMessages[next++ % spanMessages.length]!
        client.makeUnaryRequest(
          GRPC_METHODS.exportTraces.path,
          asIs,
          asIs,
          message,
          (error: ServiceError | null) => (error === null ? resolve() : reject(error)),
        )
      })
    const worker = async (): Promise<void> => {
      while (!isOver()) {
        await one()
        sent()
      }
    }
    await Promise.all(Array.from({ length: UNDER_WAY }, worker))
  },
}

const { first, next: accessLogs } = accessLogMessages()

const als: Load = {
  name: `Envoy's access logs, ${ENTRIES} entries a message`,
  unit: 'entries',
  bar: 100_000,
  perMessage: ENTRIES,
  send: async (client, sent, isOver) => {
    const ended = Promise.withResolvers<void>()
    const call = client.makeClientStreamRequest(
      GRPC_METHODS.streamAccessLogs.path,
      asIs,
      asIs,
      (error: ServiceError | null) => (error === null ? ended.resolve() : ended.reject(error)),
    )
    call.write(first)
    for (let i = 0; !isOver(); i++) {
      if (!call.write(accessLogs[i % accessLogs.length]!)) await once(call, 'drain')
      sent()
    }
    call.end()
    await ended.promise
  },
}

const events: Load = {
  name: `EventBatch, ${BATCH_EVENTS} events a batch`,
  unit: 'events',
  bar: 2_000_000,
  perMessage: BATCH_EVENTS,
  send: async (client, sent, isOver) => {
    const batches = eventBatches()
    const call = client.makeBidiStreamRequest(GRPC_METHODS.publishEvents.path, asIs, asIs)
    let written = 0
    const write = (): void => void call.write(batches[written++ % batches.length]!)
    call.on('data', () => {
      sent()
      if (isOver()) call.end()
      else write()
    })
    for (let i = 0; i < UNDER_WAY; i++) write()
    await once(call, 'end')
  },
}

for (const load of [otlp, als, events]) {
  const taken = await measured('ingest', load)
  const what = `gRPC ingest: ${load.name}`
  report({
    figure: `${what}, a CPU second`,
    value: taken,
    unit: `${load.unit}/CPU s`,
    bar: `>= ${load.bar}`,
  })
  const alone = await measured('bare', load)
  report({ figure: `${what}, the library alone`, value: alone, unit: `${load.unit}/CPU s` })
}

/** How many units a CPU second of the server takes. */
async function measured(mode: 'ingest' | 'bare', load: Load): Promise<number> {
  const server = fork(SERVER, [mode])
  try {
    const [{ port }] = (await once(server, 'message')) as [{ readonly port: number }]
    pinMeasured(server.pid!)
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
    let messages = 0
    let over = false
    const done = load.send(
      client,
      () => void messages++,
      () => over,
    )
    await pause(WARM_MS)
    const [fromMessages, fromEvents, fromCpu] = [messages, await eventsOf(server), cpuSeconds(server.pid!)]
    await pause(MEASURED_MS)
    const sent = (messages - fromMessages) * load.perMessage
    const stored = (await eventsOf(server)) - fromEvents
    const cpu = cpuSeconds(server.pid!) - fromCpu
    over = true
    await done
    client.close()
    return (mode === 'bare' ? sent : stored) / cpu
  } finally {
    server.kill()
  }
}

async function eventsOf(server: ChildProcess): Promise<number> {
  const answer = once(server, 'message') as Promise<[{ readonly events: number }]>
  server.send('events')
  return (await answer)[0].events
}

/** What Envoy sent, in messages of a size that it sends under load, with different paths. */
function accessLogMessages(): { first: Buffer; next: Buffer[] } {
  const fixture = (name: string) => readFileSync(new URL(`../test/fixtures/als/${name}.bin`, import.meta.url))
  const captured = ['envoy-1', 'envoy-2', 'envoy-3'].flatMap((name) =>
    entriesOf(splitAccessLogs(fixture(name)).entries),
  )
  const next = Array.from({ length: 50 }, (_, message) => {
    const writer = new ProtobufWriter()
    writer.message(2, () => {
      for (let i = 0; i < ENTRIES; i++) {
        const entry = Buffer.from(captured[(message + i) % captured.length]!)
        const at = entry.indexOf('/api/list')
        if (at >= 0) entry.write(String(1000 + ((message * 7 + i) % 300)), at + 5)
        writer.bytes(1, entry)
      }
    })
    return Buffer.from(writer.finish())
  })
  return { first: fixture('envoy-1'), next }
}

/** The HTTP entries of a message, each as its bytes. */
function entriesOf(bytes: Uint8Array): Uint8Array[] {
  const reader = new ProtobufReader(bytes)
  const entries: Uint8Array[] = []
  while (!reader.done) {
    reader.tag()
    const outer = reader.enter()
    while (!reader.done) {
      reader.tag()
      entries.push(reader.byteString())
    }
    reader.leave(outer)
  }
  return entries
}

function eventBatches(): Buffer[] {
  const requests = traffic({ series: 200, seed: 1, startMs: Date.now(), traces: true })
  return Array.from({ length: 20 }, (_, i) => {
    const columns = takeColumns(requests, BATCH_EVENTS)
    columns.producer = 'bench'
    columns.sequence = i + 1
    return Buffer.from(encodeEventBatch(columns))
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

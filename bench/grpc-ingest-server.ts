/**
 * The server that grpc-ingest.bench.ts measures, in a process of its own: ingest into a log that costs nothing, or, as
 * `bare`, the library alone, which takes messages and drops them.
 */
import { Server, ServerCredentials, type ServerDuplexStream, type ServerReadableStream } from '@grpc/grpc-js'
import { countBuffersWithHeap } from '../src/app/buffer-accounting.ts'
import { GrpcIngest } from '../src/ingest/grpc/grpc-ingest.ts'
import { GRPC_METHODS, SERVICE } from '../src/ingest/grpc/methods.ts'
import type { EventLog } from '../src/log/event-log.ts'

const NO_BYTES = Buffer.alloc(0)

const log: EventLog = {
  append: () => Promise.resolve(),
  subscribe: () => Promise.reject(new Error('nothing is read here')),
  partitions: () => Promise.resolve([]),
  async *readSince() {},
  close: () => Promise.resolve(),
}

async function ingest(): Promise<number> {
  const server = new GrpcIngest({ log, topic: 'mesh.requests' })
  await server.listen({ host: '127.0.0.1', port: 0 })
  process.on('message', () => process.send?.({ events: server.stats.events }))
  return Number(new URL(server.origin).port)
}

function bare(): Promise<number> {
  const server = new Server({ 'grpc.enable_channelz': 0, 'grpc.max_receive_message_length': 20 * 2 ** 20 })
  const unary = (_call: unknown, callback: (error: null, bytes: Buffer) => void) => callback(null, NO_BYTES)
  server.addService(SERVICE, {
    ...Object.fromEntries(Object.keys(GRPC_METHODS).map((name) => [name, unary])),
    // An acknowledgement of 16 bytes for each, as ingest writes them.
    publishEvents: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', () => call.write(Buffer.alloc(16)))
      call.on('end', () => call.end())
    },
    streamAccessLogs: (
      call: ServerReadableStream<Buffer, Buffer>,
      callback: (error: null, bytes: Buffer) => void,
    ) => {
      call.on('data', () => undefined)
      call.on('end', () => callback(null, NO_BYTES))
    },
  })
  process.on('message', () => process.send?.({ events: 0 }))
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
  })
}

// As the role does.
countBuffersWithHeap()
const port = process.argv[2] === 'bare' ? await bare() : await ingest()
process.send?.({ port })

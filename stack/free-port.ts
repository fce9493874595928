import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/**
 * Below the ports that systems give to outgoing connections: a server that is down for a while finds its port free
 * again, and a client that keeps trying it never connects to itself. The upper half is for Redis Cluster's bus, which
 * is at the port plus `BUS_OFFSET`.
 */
const FIRST = 10_000
const BUS_OFFSET = 10_000
/** A process takes a block of ports for its life by listening on the block's first one. */
const BLOCK = 100
const BLOCKS = BUS_OFFSET / BLOCK

async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  } catch {
    return undefined
  }
}

/** Whether nothing listens on a port of 127.0.0.1. */
export async function isFree(port: number): Promise<boolean> {
  const server = await listenOn(port)
  if (server === undefined) return false
  server.close()
  await once(server, 'close')
  return true
}

/** The first port of a block that no other process gives ports of. */
async function takeBlock(): Promise<number> {
  const start = Math.floor(Math.random() * BLOCKS)
  for (let i = 0; i < BLOCKS; i++) {
    const first = FIRST + ((start + i) % BLOCKS) * BLOCK
    const server = await listenOn(first)
    if (server === undefined) continue
    server.unref()
    return first
  }
  throw new Error(`all ${BLOCKS} blocks of ports from ${FIRST} to ${FIRST + BUS_OFFSET - 1} are taken`)
}

let block: Promise<number> | undefined
let given = 0

/**
 * A port of 127.0.0.1 on which nothing listens, nor on the one 10,000 above it. It is given once in `BLOCK` times by
 * this process and never by another one that is alive, so that two servers of tests that run side by side never race for
 * it between here and their own listening.
 */
export async function freePort(): Promise<number> {
  block ??= takeBlock()
  const first = await block
  for (let i = 1; i < BLOCK; i++) {
    const port = first + 1 + (given++ % (BLOCK - 1))
    if ((await isFree(port)) && (await isFree(port + BUS_OFFSET))) return port
  }
  throw new Error(`no free port from ${first} to ${first + BLOCK - 1}`)
}

import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that systems give to outgoing connections: a server that is down for a while finds its port free
 * again, and a client that keeps trying it never connects to itself. The upper half is for Redis Cluster's bus, which
 * is at the port plus `BUS_OFFSET`.
 */
const FIRST = 10_000
const BUS_OFFSET = 10_000
const TRIES = 100

/** Whether nothing listens on a port of 127.0.0.1. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    return false
  }
}

/** A port of 127.0.0.1 on which nothing listens, nor on the one 10,000 above it. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = FIRST + Math.floor(Math.random() * BUS_OFFSET)
    if ((await isFree(port)) && (await isFree(port + BUS_OFFSET))) return port
  }
  throw new Error(`no free port in ${TRIES} tries from ${FIRST} to ${FIRST + BUS_OFFSET - 1}`)
}

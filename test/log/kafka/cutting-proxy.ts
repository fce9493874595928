import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

const PRODUCE = 0

/** Stands before a broker, and lets answers get lost on their way when it is told to. */
export class CuttingProxy {
  /** Answers to produce requests that are still to be lost, with their connections. */
  answersToLose = 0
  lost = 0

  /** Listens on a port for a broker on another, until the test ends. */
  static async open(t: Test, port: number, brokerPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy()
    const sockets = new Set<Socket>()
    const server = createServer((client) => {
      const broker = connect(brokerPort, '127.0.0.1')
      for (const [from, to] of [
        [client, broker],
        [broker, client],
      ] as const) {
        sockets.add(from)
        from.on('error', () => {})
        from.on('close', () => {
          sockets.delete(from)
          to.destroy()
        })
      }
      proxy.#pass(client, broker)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return proxy
  }

  #pass(client: Socket, broker: Socket): void {
    let isProducing = false
    client.on('data', (chunk) => {
      // A request begins with its length and what it asks for; the next one is sent when it was answered.
      isProducing ||= chunk.length > 6 && chunk.readInt16BE(4) === PRODUCE
      broker.write(chunk)
    })
    broker.on('data', (chunk) => {
      if (isProducing && this.answersToLose > 0) {
        this.answersToLose--
        this.lost++
        client.destroy()
        return
      }
      client.write(chunk)
    })
  }
}

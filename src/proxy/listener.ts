import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Forwarder, isWebSocket } from './forwarder.ts'
import { pairs } from './message-headers.ts'
import { ProxyError } from './proxy-error.ts'
import type { ProxyLimits } from './proxy-limits.ts'

export interface ListenAddress {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
}

/** One address that a proxy listens on. */
export class Listener {
  readonly #server: Server
  readonly #forwarder: Forwarder
  readonly #sockets = new Set<Socket>()
  /** Of these, the ones that are no longer the server's, and have no end to wait for. */
  readonly #upgraded = new Set<Socket>()
  #droppedConnections = 0

  constructor(forwarder: Forwarder, limits: ProxyLimits, onConnection: (socket: Socket) => void) {
    this.#forwarder = forwarder
    this.#server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        headersTimeout: limits.headersTimeoutMs,
        keepAliveTimeout: limits.keepAliveMs,
        // An upload may take as long as it takes.
        requestTimeout: 0,
        // Node before 24.9 does not know it: see below.
        shouldUpgradeCallback: (request: IncomingMessage) => isWebSocket(request),
      },
      forwarder.onRequest,
    )
    // The bytes of a head are bounded, so that their number needs no bound that silently cuts headers off.
    this.#server.maxHeadersCount = 0
    this.#server.maxConnections = limits.connections
    this.#server.on('upgrade', (request, stream, head) => {
      const socket = stream as Socket
      if (isWebSocket(request)) {
        this.#upgraded.add(socket)
        forwarder.onUpgrade(request, socket, head)
      } else {
        // An offer to upgrade may always be ignored. Node before 24.9 has stopped reading here: it reads again, with the
        // offer left out.
        socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]))
        this.#server.emit('connection', socket)
      }
    })
    this.#server.on('drop', () => this.#droppedConnections++)
    this.#server.on('connection', (socket: Socket) => {
      if (this.#sockets.has(socket)) return
      this.#sockets.add(socket)
      socket.once('close', () => {
        this.#sockets.delete(socket)
        this.#upgraded.delete(socket)
      })
      onConnection(socket)
    })
  }

  get openConnections(): number {
    return this.#sockets.size
  }

  /** Connections closed at once, because there were as many as a listener holds. */
  get droppedConnections(): number {
    return this.#droppedConnections
  }

  /** `http://127.0.0.1:8080`. */
  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** Rejects with a ProxyError. */
  listen({ host, port }: ListenAddress): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'EADDRINUSE' ? 'something else listens there' : error.message
        reject(
          new ProxyError('PROXY_LISTEN_FAILED', `cannot listen on ${host}:${port}: ${why}`, { cause: error }),
        )
      })
      this.#server.listen(port, host, resolve)
    })
  }

  /** Takes no new connections, lets requests under way end for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void> {
    if (!this.#server.listening) return Promise.resolve()
    this.#forwarder.closing()
    const endMs = performance.now() + graceMs
    return new Promise((resolve) => {
      const sweep = (): void => {
        this.#server.closeIdleConnections()
        const isOver = this.#sockets.size === this.#upgraded.size || performance.now() >= endMs
        if (isOver) for (const socket of this.#sockets) socket.destroy()
      }
      const timer = setInterval(sweep, SWEEP_MS)
      this.#server.close(() => {
        clearInterval(timer)
        resolve()
      })
      sweep()
    })
  }
}

/** How often a closing listener looks for connections that nothing is under way on. */
const SWEEP_MS = 50

/** The head of a request as it came, without what asks for another protocol. */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders, headers }: IncomingMessage): Buffer {
  const dropped = new Set(['connection', 'upgrade', 'http2-settings'])
  const lines = pairs(rawHeaders)
    .filter(([name]) => !dropped.has(name.toLowerCase()))
    .map(([name, value]) => `${name}: ${value}\r\n`)
  const isLast = /(^|,)\s*close\s*(,|$)/i.test(headers.connection ?? '')
  const connection = isLast ? 'Connection: close\r\n' : ''
  return Buffer.from(`${method} ${url} HTTP/${httpVersion}\r\n${lines.join('')}${connection}\r\n`, 'latin1')
}

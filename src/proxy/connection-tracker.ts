import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Endpoint } from '../event/event.ts'
import type { After } from '../reporter/timers.ts'

/** What happened between the reporting workload and one peer since it was last said. */
export interface ConnectionReport {
  /** Undefined where the connections did not say whose they are. */
  readonly peer: Endpoint | undefined
  readonly tls: boolean
  readonly open: number
  readonly opened: number
  readonly closed: number
  readonly readBytes: number
  readonly writtenBytes: number
}

interface Flow {
  readonly peer: Endpoint | undefined
  readonly tls: boolean
  open: number
  opened: number
  closed: number
  readBytes: number
  writtenBytes: number
}

interface Connection {
  readonly socket: Socket
  flow: Flow
  /** Whether its peer is known for good. */
  isAttributed: boolean
  /** Whether a report counted its opening. */
  isReported: boolean
  /** Bytes counted so far. */
  read: number
  written: number
}

export interface ConnectionTrackerOptions {
  readonly report: (report: ConnectionReport) => void
  readonly after: After
  /** Time between reports while nothing opens or closes. A proxy must be heard of every 15 s. */
  readonly periodMs: number
}

/** After a connection opened or closed, that is said within this. */
const CHANGE_MS = 1000

/** Peers told apart; the connections of more count as of an unknown one. */
const MAX_PEERS = 1024

/**
 * Counts connections and their bytes by peer workload.
 *
 * Pods of the peer are not told apart: what is open is said once for the workload, so that the last word on it is whole.
 */
export class ConnectionTracker {
  readonly #options: ConnectionTrackerOptions
  readonly #connections = new Map<Socket, Connection>()
  readonly #flows = new Map<string, Flow>()
  #cancel: (() => void) | undefined
  #isSoon = false
  #isClosed = false

  constructor(options: ConnectionTrackerOptions) {
    this.#options = options
  }

  get open(): number {
    return this.#connections.size
  }

  /** Counts a connection from now until it closes; a second call for it does nothing. */
  track(socket: Socket, guess?: Endpoint): void {
    if (this.#connections.has(socket) || socket.destroyed || this.#isClosed) return
    const flow = this.#flowOf(guess, socket instanceof TLSSocket)
    flow.open++
    flow.opened++
    this.#connections.set(socket, {
      socket,
      flow,
      isAttributed: false,
      isReported: false,
      read: 0,
      written: 0,
    })
    socket.once('close', () => this.#closed(socket))
    this.#reportSoon()
  }

  /** Says whose a connection is; the first word on it counts. */
  attribute(socket: Socket, peer: Endpoint): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined || connection.isAttributed) return
    connection.isAttributed = true
    const from = connection.flow
    const to = this.#flowOf(peer, from.tls)
    if (from === to) return
    from.open--
    if (connection.isReported) from.closed++
    else from.opened--
    to.open++
    to.opened++
    connection.flow = to
    connection.isReported = false
    this.#reportSoon()
  }

  /** Reports what is left, of connections still open as well, and no more afterwards. */
  close(): void {
    if (this.#isClosed) return
    for (const socket of this.#connections.keys()) this.#closed(socket)
    this.#report()
    this.#cancel?.()
    this.#isClosed = true
  }

  #closed(socket: Socket): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined) return
    this.#count(connection)
    connection.flow.open--
    connection.flow.closed++
    this.#connections.delete(socket)
    this.#reportSoon()
  }

  #count(connection: Connection): void {
    const { socket, flow } = connection
    flow.readBytes += socket.bytesRead - connection.read
    flow.writtenBytes += socket.bytesWritten - connection.written
    connection.read = socket.bytesRead
    connection.written = socket.bytesWritten
  }

  #report(): void {
    for (const connection of this.#connections.values()) {
      this.#count(connection)
      connection.isReported = true
    }
    for (const [key, flow] of this.#flows) {
      if (flow.open + flow.opened + flow.closed + flow.readBytes + flow.writtenBytes > 0) {
        this.#options.report({ ...flow })
      }
      if (flow.open === 0) this.#flows.delete(key)
      flow.opened = flow.closed = flow.readBytes = flow.writtenBytes = 0
    }
    this.#isSoon = false
    this.#schedule(this.#options.periodMs)
  }

  #reportSoon(): void {
    if (this.#isSoon) return
    this.#isSoon = true
    this.#schedule(Math.min(CHANGE_MS, this.#options.periodMs))
  }

  #schedule(ms: number): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#isClosed || (this.#connections.size === 0 && !this.#isSoon)) return
    this.#cancel = this.#options.after(ms, () => this.#report())
  }

  #flowOf(peer: Endpoint | undefined, tls: boolean): Flow {
    const workload = peer && workloadOf(peer)
    const key = JSON.stringify([tls, workload])
    const known = this.#flows.get(key)
    if (known !== undefined) return known
    if (workload !== undefined && this.#flows.size >= MAX_PEERS) return this.#flowOf(undefined, tls)
    const flow: Flow = { peer: workload, tls, open: 0, opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 }
    this.#flows.set(key, flow)
    return flow
  }
}

function workloadOf({ cluster, namespace, kind, name, service }: Endpoint): Endpoint {
  return {
    ...(cluster === undefined ? {} : { cluster }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(kind === undefined ? {} : { kind }),
    ...(name === undefined ? {} : { name }),
    ...(service === undefined ? {} : { service }),
  }
}

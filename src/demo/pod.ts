import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Endpoint } from '../event/event.ts'
import { type RunningProxy, startProxy } from '../proxy/proxy.ts'
import type { RouteOptions } from '../proxy/route-table.ts'
import type { SenderToken } from '../reporter/ingest-client.ts'
import type { Log } from '../reporter/log.ts'
import { MeshClient } from './mesh-client.ts'
import { type Service, serviceServer } from './service.ts'

export interface PodOptions {
  readonly workload: Endpoint & { readonly pod: string }
  /** What it serves, if it does; it may call others through the client. */
  readonly service?: (client: MeshClient) => Service
  /** Where those are that it calls. */
  readonly routes?: readonly RouteOptions[]
  readonly ingestUrl: string
  readonly ingestToken?: SenderToken
  readonly log: Log
  /** Port that its sidecar listens on; 0, which is any free one, where it is left out. */
  readonly port?: number
}

/** Answers by status. */
export type StatusCounts = ReadonlyMap<number, number>

/** How long a closing sidecar waits for requests under way, and for the ingest. */
const CLOSE_MS = 200

/** An application and its sidecar: real servers on loopback. */
export class Pod {
  readonly name: string
  readonly client: MeshClient
  readonly #options: PodOptions
  readonly #served = new Map<number, number>()
  readonly #called = new Map<string, Map<number, number>>()
  readonly #server: Server | undefined
  #proxy: RunningProxy | undefined
  #starting: Promise<void> | undefined

  constructor(options: PodOptions) {
    this.#options = options
    this.name = options.workload.pod
    this.client = new MeshClient(
      () => this.#proxy!.outboundUrl!,
      (authority, status) => {
        const counts = this.#called.get(authority) ?? new Map<number, number>()
        this.#called.set(authority, counts)
        count(counts, status)
      },
    )
    const service = options.service?.(this.client)
    this.#server = service && serviceServer(service, (status) => count(this.#served, status))
  }

  /** Where others reach it: its sidecar. */
  get url(): string {
    return this.#proxy?.inboundUrl ?? ''
  }

  /** What the application answered, by its own count. */
  get served(): StatusCounts {
    return this.#served
  }

  /** What it was answered, by whom it called. */
  get called(): ReadonlyMap<string, StatusCounts> {
    return this.#called
  }

  start(): Promise<void> {
    return (this.#starting ??= this.#start())
  }

  async #start(): Promise<void> {
    const { workload, routes, ingestUrl, ingestToken, log, port = 0 } = this.#options
    const upstream = this.#server && (await listen(this.#server))
    this.#proxy = await startProxy({
      workload,
      ...(upstream === undefined ? {} : { inbound: { listen: { host: '127.0.0.1', port }, upstream } }),
      ...(routes === undefined ? {} : { outbound: { listen: { host: '127.0.0.1', port: 0 }, routes } }),
      ingestUrl,
      ...(ingestToken === undefined ? {} : { ingestToken }),
      log,
      limits: { closeGraceMs: CLOSE_MS },
      reporter: { closeMs: CLOSE_MS },
    })
  }

  async close(): Promise<void> {
    // One that is still starting would be left behind.
    await Promise.allSettled([this.#starting])
    this.client.close()
    await this.#proxy?.close()
    const server = this.#server
    if (server === undefined) return
    await new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
    })
  }
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    })
  })
}

function count(counts: Map<number, number>, status: number): void {
  counts.set(status, (counts.get(status) ?? 0) + 1)
}

import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

const CERT = readFileSync(new URL('../../fixtures/tls/loopback-cert.pem', import.meta.url))
const KEY = readFileSync(new URL('../../fixtures/tls/loopback-key.pem', import.meta.url))

export interface ApiObject {
  readonly metadata: { readonly uid: string; readonly name: string; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}

interface Change {
  readonly version: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: ApiObject
}

interface Watcher {
  readonly response: ServerResponse
  readonly collection: Collection
}

interface Collection {
  readonly objects: Map<string, ApiObject>
  /** What can still be watched from. */
  changes: Change[]
  oldest: number
}

/**
 * An API server's list and watch: pages that show the list as it was at the first, resource versions, bookmarks, 410 Gone
 * for versions and pages that are too old, refusals, connections that break.
 */
export class KubernetesStandIn {
  readonly requests: string[] = []
  /** Objects a page at most, whatever is asked for. */
  pageSize = 500
  /** Paths that are refused, and with what. */
  readonly refused = new Map<string, number>()
  readonly token = 'a-service-account-token'
  readonly #server: Server
  readonly #collections = new Map<string, Collection>()
  readonly #watchers = new Set<Watcher>()
  /** By continue token: what is left of a list. */
  readonly #pages = new Map<string, { readonly version: number; readonly rest: ApiObject[] }>()
  #version = 1000

  private constructor() {
    this.#server = createServer({ cert: CERT, key: KEY }, (request, response) =>
      this.#answer(request, response),
    )
  }

  static async start(t: Test): Promise<KubernetesStandIn> {
    const standIn = new KubernetesStandIn()
    standIn.#server.listen(0, '127.0.0.1')
    await once(standIn.#server, 'listening')
    t.teardown(() => {
      standIn.#server.closeAllConnections()
      standIn.#server.close()
    })
    return standIn
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Writes a configuration that reaches it. */
  writeConfig(path: string, token = this.token): string {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [
        { name: 'c', cluster: { server: this.url, 'certificate-authority-data': CERT.toString('base64') } },
      ],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'c', user: 'u' } }],
    }
    writeFileSync(path, JSON.stringify(config))
    return path
  }

  /** Watches that are open on a path. */
  watches(path: string): number {
    const collection = this.#collection(path)
    return [...this.#watchers].filter((watcher) => watcher.collection === collection).length
  }

  set(path: string, object: ApiObject): void {
    const collection = this.#collection(path)
    const type = collection.objects.has(object.metadata.uid) ? 'MODIFIED' : 'ADDED'
    const version = ++this.#version
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
    collection.objects.set(object.metadata.uid, stored)
    this.#tell(collection, { version, type, object: stored })
  }

  delete(path: string, uid: string): void {
    const collection = this.#collection(path)
    const object = collection.objects.get(uid)
    if (object === undefined) throw new Error(`no ${uid} in ${path}`)
    collection.objects.delete(uid)
    const version = ++this.#version
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
    this.#tell(collection, { version, type: 'DELETED', object: last })
  }

  bookmark(path: string): void {
    const collection = this.#collection(path)
    const object = { metadata: { resourceVersion: String(++this.#version) } }
    for (const { response } of this.#watchersOf(collection)) send(response, { type: 'BOOKMARK', object })
  }

  /** Ends the watches of a path, politely or not, or says that their version is gone. */
  cut(path: string, how: 'end' | 'break' | 'gone' | 'garbage'): void {
    for (const watcher of this.#watchersOf(this.#collection(path))) {
      const { response } = watcher
      if (how === 'gone')
        send(response, { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } })
      if (how === 'garbage') response.write('{"type":\n')
      if (how === 'break') response.destroy()
      else response.end()
      this.#watchers.delete(watcher)
    }
  }

  /** Forgets all changes so far, and all pages: whoever goes on from before them is told 410. */
  compact(): void {
    this.#pages.clear()
    for (const collection of this.#collections.values()) {
      collection.changes = []
      collection.oldest = this.#version
    }
  }

  #collection(path: string): Collection {
    let collection = this.#collections.get(path)
    if (collection === undefined) {
      collection = { objects: new Map(), changes: [], oldest: 0 }
      this.#collections.set(path, collection)
    }
    return collection
  }

  #watchersOf(collection: Collection): Watcher[] {
    return [...this.#watchers].filter((watcher) => watcher.collection === collection)
  }

  #tell(collection: Collection, change: Change): void {
    collection.changes.push(change)
    for (const { response } of this.#watchersOf(collection)) send(response, change)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url!, 'https://api')
    this.requests.push(`${pathname}?${searchParams.toString()}`)
    if (request.headers.authorization !== `Bearer ${this.token}`) return refuse(response, 401, 'Unauthorized')
    const refusal = this.refused.get(pathname)
    if (refusal !== undefined) return refuse(response, refusal, `${pathname} is not for you`)
    const collection = this.#collection(pathname)
    if (searchParams.get('watch') === 'true') return this.#watch(collection, searchParams, response)
    return this.#list(collection, searchParams, response)
  }

  #list(collection: Collection, query: URLSearchParams, response: ServerResponse): void {
    const token = query.get('continue')
    const page =
      token === null
        ? { version: this.#version, rest: [...collection.objects.values()] }
        : this.#pages.get(token)
    if (page === undefined) return refuse(response, 410, 'The provided continue parameter is too old')
    const size = Math.min(Number(query.get('limit') ?? 500), this.pageSize)
    const items = page.rest.slice(0, size)
    const rest = page.rest.slice(size)
    const next = rest.length === 0 ? '' : `page-${this.#pages.size}-${page.version}`
    if (next !== '') this.#pages.set(next, { version: page.version, rest })
    const metadata = { resourceVersion: String(page.version), ...(next === '' ? {} : { continue: next }) }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ kind: 'List', metadata, items }))
  }

  #watch(collection: Collection, query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'))
    if (from < collection.oldest) return refuse(response, 410, 'too old resource version')
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    for (const change of collection.changes) if (change.version > from) send(response, change)
    const watcher = { response, collection }
    this.#watchers.add(watcher)
    response.on('close', () => this.#watchers.delete(watcher))
  }
}

function send(response: ServerResponse, event: unknown): void {
  response.write(`${JSON.stringify(event)}\n`)
}

function refuse(response: ServerResponse, code: number, message: string): void {
  const retryAfter = code === 429 ? { 'retry-after': '1' } : {}
  response.writeHead(code, { 'content-type': 'application/json', ...retryAfter })
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, message }))
}

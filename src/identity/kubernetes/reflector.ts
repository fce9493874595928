import { setTimeout as sleep } from 'node:timers/promises'
import { jsonLines, jsonOf } from './json-lines.ts'
import { type KubernetesApi, KubernetesError, messageOf } from './kubernetes-api.ts'

/** What every object of the API has. Fields beyond are the reader's to look for. */
export interface KubernetesObject {
  readonly metadata: {
    readonly uid: string
    readonly name: string
    readonly namespace?: string
    readonly resourceVersion?: string
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/** Refusals that asking again does not help against. */
const FORBIDDEN: ReadonlySet<number> = new Set([401, 403, 404])

export interface ReflectorOptions {
  readonly api: KubernetesApi
  /** Of a collection in all namespaces: `/api/v1/pods`. */
  readonly path: string
  /** Whether names, owners and labels are enough. */
  readonly isMetadataOnly?: boolean
  readonly onObject: (object: KubernetesObject) => void
  readonly onGone: (uid: string) => void
  /** Told of all that is there, each time it was listed anew. */
  readonly onListed: (uids: ReadonlySet<string>) => void
  /** Told of what keeps it from knowing; it tries again. */
  readonly onTrouble: (message: string) => void
  /** Between 0 and 1: what many workers wait must differ. */
  readonly random?: () => number
  /** Milliseconds of the first wait after a failure; it doubles up to 60 times that. */
  readonly backoffMs?: number
  /** Seconds after which the server ends a watch, which is then begun anew. */
  readonly watchSeconds?: number
  /** Milliseconds in which a page of a list is answered, else the connection is dead. */
  readonly pageMs?: number
}

/** Objects a page, and longest page in bytes. */
const PAGE = 500
const MAX_PAGE_BYTES = 256 * 2 ** 20
const PAGE_MS = 60_000

const BACKOFF_MS = 500
const MOST_BACKOFFS = 60
const WATCH_SECONDS = 300

/** How much longer than it was asked for a watch may last; then nothing comes of it, and the connection is dead. */
const WATCH_GRACE_MS = 15_000

/** A watch that ends sooner is not begun anew at once, whatever it told. */
const BRIEF_MS = 1_000

/** The list that a watch went on from is too old: it must be listed anew. */
const GONE = 410

/**
 * Keeps up with a collection of the Kubernetes API, as its own controllers do: lists it in pages, then watches it from
 * there, with bookmarks; goes on from the last version heard of when the connection ends, and lists anew where that is
 * too old (410).
 */
export class Reflector {
  readonly #options: ReflectorOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  readonly #settled = Promise.withResolvers<void>()
  #version: string | undefined
  #isListed = false
  #failures = 0
  #lists = 0
  #watches = 0

  constructor(options: ReflectorOptions) {
    this.#options = options
  }

  /** Whether all that was there is known. */
  get isListed(): boolean {
    return this.#isListed
  }

  /** Resolves once all that was there is known, or it is clear that it may not be seen. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  get stats(): { readonly lists: number; readonly watches: number } {
    return { lists: this.#lists, watches: this.#watches }
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list()
        const beganMs = performance.now()
        const heard = await this.#watch()
        if (heard > 0 && performance.now() - beganMs >= BRIEF_MS) continue
        // Nobody is asked again at once who has nothing to say, or says it in a connection each.
        this.#failures = Math.max(1, this.#failures)
        await this.#wait()
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof KubernetesError && error.status === GONE) {
          this.#version = undefined
          // Once, at once; a server that says so again and again is not asked faster than it can answer.
          if (this.#failures++ === 0) continue
        } else {
          this.#failures++
          if (error instanceof KubernetesError && FORBIDDEN.has(error.status)) this.#settled.resolve()
          this.#options.onTrouble(`${this.#options.path} cannot be read: ${messageOf(error)}`)
        }
        await this.#wait(error instanceof KubernetesError ? error.retryAfterMs : 0)
      }
    }
  }

  async #wait(leastMs = 0): Promise<void> {
    const { backoffMs = BACKOFF_MS, random = Math.random } = this.#options
    const longestMs = backoffMs * Math.min(MOST_BACKOFFS, 2 ** Math.min(this.#failures - 1, 10))
    const waitMs = leastMs + longestMs * (0.5 + random() / 2)
    await sleep(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {})
  }

  async #list(): Promise<void> {
    const { api, path, onObject, onListed, isMetadataOnly = false, pageMs = PAGE_MS } = this.#options
    const uids = new Set<string>()
    let version = ''
    let next = ''
    do {
      const query = new URLSearchParams({ limit: String(PAGE), ...(next === '' ? {} : { continue: next }) })
      const accept = isMetadataOnly
        ? 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json'
        : 'application/json'
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(pageMs)])
      const response = await api.get(`${path}?${query.toString()}`, accept, signal)
      const page = (await jsonOf(response, MAX_PAGE_BYTES)) as {
        readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
        readonly items?: readonly unknown[] | null
      }
      for (const item of page.items ?? []) {
        if (!isObject(item)) throw new RangeError('a list holds what is no object with a uid')
        uids.add(item.metadata.uid)
        onObject(item)
      }
      version = page.metadata?.resourceVersion ?? ''
      next = page.metadata?.continue ?? ''
    } while (next !== '')
    this.#lists++
    this.#version = version
    this.#isListed = true
    onListed(uids)
    this.#settled.resolve()
  }

  /** Resolves when the connection ends, to the number of events that came. */
  async #watch(): Promise<number> {
    const { api, path, isMetadataOnly = false, watchSeconds = WATCH_SECONDS } = this.#options
    const query = new URLSearchParams({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version ?? '',
      timeoutSeconds: String(watchSeconds),
    })
    const accept = isMetadataOnly
      ? 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json'
      : 'application/json'
    const deadline = AbortSignal.timeout(watchSeconds * 1000 + WATCH_GRACE_MS)
    const signal = AbortSignal.any([this.#stopping.signal, deadline])
    const response = await api.get(`${path}?${query.toString()}`, accept, signal)
    this.#watches++
    let heard = 0
    try {
      for await (const event of jsonLines(response)) {
        this.#hear(event)
        heard++
      }
    } catch (error) {
      // A connection that breaks is as common as one that ends: the next goes on where this one was.
      const isRefusal = error instanceof KubernetesError
      if (isRefusal || error instanceof SyntaxError || error instanceof RangeError) throw error
      if (this.#failures > 0) throw error
    }
    return heard
  }

  #hear(event: unknown): void {
    const { type, object } = event as { readonly type?: string; readonly object?: unknown }
    if (type === 'ERROR') {
      const { code = 0, message = 'the watch failed' } = object as { code?: number; message?: string }
      throw new KubernetesError(code, message)
    }
    if (type === 'BOOKMARK') {
      const { metadata } = object as { metadata?: { resourceVersion?: string } }
      this.#version = metadata?.resourceVersion ?? this.#version
      this.#failures = 0
      return
    }
    if (!isObject(object)) throw new RangeError('a watch tells of what is no object with a uid')
    if (type === 'DELETED') this.#options.onGone(object.metadata.uid)
    else this.#options.onObject(object)
    this.#version = object.metadata.resourceVersion ?? this.#version
    this.#failures = 0
  }
}

function isObject(value: unknown): value is KubernetesObject {
  const { metadata } = (value ?? {}) as { metadata?: { uid?: unknown; name?: unknown } }
  return typeof metadata?.uid === 'string' && typeof metadata.name === 'string'
}

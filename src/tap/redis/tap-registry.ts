import { formatTapQuery } from '../format-tap-query.ts'
import { TapBusError, type TapRegistration } from '../tap-bus.ts'
import * as timers from '../timers.ts'
import { parseList, parseRegistration, TapCopy } from './tap-copy.ts'
import type { TapCommands } from './tap-commands.ts'
import { LIST, REGISTER, UNREGISTER } from './tap-scripts.ts'

/** Without an answer for so long, no registration is taken to be alive: each would have to have been renewed since. */
const STALE_MS = 30_000

type TapsListener = (taps: readonly TapRegistration[]) => void

export interface TapRegistryOptions {
  readonly commands: Pick<TapCommands, 'run'>
  readonly maxTaps: number
  /** Redis is asked this often whether something changed that nobody heard of. */
  readonly syncMs: number
  readonly onTrouble: (error: unknown) => void
  /** Told of each registration whose query this version does not know. */
  readonly onIgnored: (error: unknown) => void
  /** Milliseconds, never back. */
  readonly now?: () => number
  readonly every?: timers.Every
}

interface Own {
  readonly text: string
  readonly expiresMs: number
}

/**
 * The registrations, here and in Redis: those that this process made are kept there as long as they were made for, and
 * watchers are told of all there are.
 */
export class TapRegistry {
  readonly #options: TapRegistryOptions
  readonly #now: () => number
  readonly #copy = new TapCopy()
  readonly #own = new Map<string, Own>()
  readonly #watchers = new Set<{ readonly tell: TapsListener }>()
  /** Watchers that wait for what there is. */
  #joining = 0
  /** Registrations by id with the text that they were read from; undefined where it cannot be read. */
  #read = new Map<string, { readonly text: string; readonly tap: TapRegistration | undefined }>()
  #syncedMs: number
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #cancelTimer: (() => void) | undefined
  #isClosed = false

  constructor(options: TapRegistryOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#syncedMs = this.#now()
  }

  async register({ id, query }: TapRegistration, ttlMs: number): Promise<void> {
    const own: Own = { text: formatTapQuery(query), expiresMs: this.#now() + ttlMs }
    const before = this.#own.get(id)
    this.#own.set(id, own)
    try {
      await this.#put(id, own.text, ttlMs)
    } catch (error) {
      // What is there already stays for as long as it was made for.
      if (this.#own.get(id) === own) {
        if (before === undefined) this.#own.delete(id)
        else this.#own.set(id, before)
      }
      throw error
    }
    // Taken back while it was under way, so that it may have come in after that.
    if (!this.#own.has(id)) await this.unregister(id)
    else this.#startTimer()
  }

  async unregister(id: string): Promise<void> {
    this.#own.delete(id)
    await this.#options.commands.run(UNREGISTER, id)
  }

  /** Tells a listener of all there are, then of every change. */
  async watch(listener: TapsListener): Promise<() => void> {
    this.#joining++
    try {
      await this.#sync()
    } finally {
      this.#joining--
    }
    const watcher = { tell: listener }
    listener(this.#taps())
    this.#watchers.add(watcher)
    this.#startTimer()
    return () => void this.#watchers.delete(watcher)
  }

  /** Takes a message of the channel of changes. */
  hear(message: string): void {
    const heard = this.#copy.apply(message)
    if (heard === 'changed') this.#tell()
    else if (heard === 'missed') this.syncSoon()
  }

  /** Finds out what there is, and restores what should be. */
  syncSoon(): void {
    if (this.#isClosed || this.#watchers.size + this.#joining + this.#own.size === 0) return
    this.#sync().catch((error: unknown) => {
      if (!this.#isClosed) this.#options.onTrouble(error)
    })
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
    this.#own.clear()
    this.#watchers.clear()
  }

  async #put(id: string, text: string, ttlMs: number): Promise<void> {
    const { commands, maxTaps } = this.#options
    const answer = await commands.run(REGISTER, id, text, Math.ceil(ttlMs), maxTaps)
    const [taken, count] = answer as [number, number]
    if (taken === 1) return
    throw new TapBusError('TAP_LIMIT', `there are ${count} taps already, as many as are allowed at a time`)
  }

  /** Resolves when Redis was asked after this call. */
  #sync(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#syncOnce().finally(() => {
        this.#running = undefined
      })
      return this.#running
    }
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#sync()
      })
    return this.#next
  }

  async #syncOnce(): Promise<void> {
    const { version } = this.#copy
    const list = parseList(await this.#options.commands.run(LIST, version ?? 'none'))
    this.#syncedMs = this.#now()
    if (list !== undefined) {
      // Older than what was heard meanwhile, or newer: who knows.
      if (this.#copy.version !== version) this.syncSoon()
      else if (this.#copy.replace(list.version, list.listed)) this.#tell()
    }
    await this.#restoreOwn()
  }

  /** Registers again what Redis has lost. */
  async #restoreOwn(): Promise<void> {
    const nowMs = this.#now()
    for (const [id, own] of this.#own) {
      if (own.expiresMs <= nowMs) this.#own.delete(id)
      else if (!this.#copy.has(id)) {
        await this.#put(id, own.text, own.expiresMs - nowMs)
        if (!this.#own.has(id)) await this.#options.commands.run(UNREGISTER, id)
      }
    }
  }

  #tell(): void {
    if (this.#watchers.size === 0) return
    const taps = this.#taps()
    for (const { tell } of this.#watchers) tell(taps)
  }

  #taps(): readonly TapRegistration[] {
    const before = this.#read
    this.#read = new Map()
    const taps: TapRegistration[] = []
    for (const { id, text } of this.#copy.entries()) {
      const known = before.get(id)
      const tap = known?.text === text ? known.tap : this.#parse(id, text)
      this.#read.set(id, { text, tap })
      if (tap !== undefined) taps.push(tap)
    }
    return taps
  }

  #parse(id: string, text: string): TapRegistration | undefined {
    try {
      return parseRegistration({ id, text })
    } catch (error) {
      this.#options.onIgnored(error)
      return undefined
    }
  }

  #startTimer(): void {
    this.#cancelTimer ??= (this.#options.every ?? timers.every)(this.#options.syncMs, () => {
      const isStale = this.#now() - this.#syncedMs > STALE_MS
      if (isStale && this.#copy.clear()) this.#tell()
      this.syncSoon()
    })
  }
}

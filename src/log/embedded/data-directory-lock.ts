import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** A holder whose process cannot be looked at, being of another host or container, shows this often that it lives. */
const HEARTBEAT_MS = 5_000
/** How long such a holder may be silent before it is taken for dead. */
const SILENCE_MS = 20_000
/** How often a lock is tried that others take and leave at the same moment. */
const TRIES = 20

/** Another process uses the directory. */
export class DirectoryLockedError extends Error {
  readonly code = 'DIRECTORY_LOCKED'
  readonly path: string
  /** The holder; undefined while it is only about to say so. */
  readonly pid: number | undefined

  constructor(path: string, holder: Holder | undefined) {
    const who =
      holder === undefined
        ? 'a process that is just starting'
        : holder.pid === process.pid && holder.place === placeOfThisProcess()
          ? `this process (${holder.pid}) already`
          : holder.place === placeOfThisProcess()
            ? `process ${holder.pid}`
            : `process ${holder.pid} of ${holder.place.split(' ')[0]}, heard of in the last ${SILENCE_MS / 1000} s`
    super(`cannot use ${path}: it is in use by ${who}; stop that one or use another directory`)
    this.name = 'DirectoryLockedError'
    this.path = path
    this.pid = holder?.pid
  }
}

export interface DirectoryLock {
  /** Gives the directory back. Idempotent. */
  release(): Promise<void>
}

interface Holder {
  readonly pid: number
  /** When the process started, in the kernel's ticks: tells it from a later process of the same id. */
  readonly startTicks: number | undefined
  /** Where its id means something: host, boot and process namespace. */
  readonly place: string
}

/**
 * Takes a directory for this process alone, and makes it where there is none. What a dead process left is taken over,
 * at once where that can be known (same host and container), else when it was silent for 20 s. Rejects with a
 * `DirectoryLockedError`.
 *
 * The owner is the file `owner.<n>` of the highest n, and whoever takes over makes the next one: making a file is
 * exclusive, so of several that see a dead owner one wins. A file is left behind on release, marked as such, so that
 * numbers only grow; else someone slow could make a number again that others have already passed.
 */
export async function lockDataDirectory(path: string): Promise<DirectoryLock> {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  for (let tries = 0; tries < TRIES; tries++) {
    const last = ownerNumbers(path).at(-1) ?? 0
    const owner = last === 0 ? 'released' : readOwner(path, last)
    if (owner === 'gone') continue
    if (owner !== 'released' && isAlive(owner, ownerFile(path, last))) {
      throw new DirectoryLockedError(path, owner)
    }
    const own = last + 1
    if (!makeOwner(path, own)) continue
    const numbers = ownerNumbers(path)
    if (numbers.at(-1) !== own) {
      rmSync(ownerFile(path, own), { force: true })
      continue
    }
    for (const number of numbers) if (number < own) rmSync(ownerFile(path, number), { force: true })
    return held(ownerFile(path, own))
  }
  throw new DirectoryLockedError(path, undefined)
}

function held(file: string): DirectoryLock {
  const heartbeat = setInterval(() => {
    const now = new Date()
    try {
      utimesSync(file, now, now)
    } catch {
      // The directory was removed under us: its users find out by themselves.
    }
  }, HEARTBEAT_MS).unref()
  let isHeld = true
  return {
    async release() {
      if (!isHeld) return
      isHeld = false
      clearInterval(heartbeat)
      try {
        writeFileSync(file, RELEASED, { flag: 'r+' })
      } catch {
        // Removed with its directory: nothing is held any more.
      }
    },
  }
}

/** As long as any holder's text, so that writing it over one leaves nothing of it. */
const RELEASED = 'released'.padEnd(512)

function ownerFile(path: string, number: number): string {
  return join(path, `owner.${number}`)
}

function ownerNumbers(path: string): number[] {
  return readdirSync(path)
    .flatMap((name) => /^owner\.(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

function makeOwner(path: string, number: number): boolean {
  const holder: Holder = {
    pid: process.pid,
    startTicks: processState(process.pid)?.startTicks,
    place: placeOfThisProcess(),
  }
  try {
    writeFileSync(ownerFile(path, number), JSON.stringify(holder).padEnd(512), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    // Made but not written, as on a full disk: nobody shall take it for an owner who is about to write it.
    rmSync(ownerFile(path, number), { force: true })
    throw error
  }
}

/** Undefined where the owner has made its file but not written it yet. */
function readOwner(path: string, number: number): Holder | undefined | 'released' | 'gone' {
  try {
    const text = readFileSync(ownerFile(path, number), 'utf8').trim()
    if (text === 'released') return 'released'
    return text === '' ? undefined : (JSON.parse(text) as Holder)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'gone'
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isAlive(holder: Holder | undefined, file: string): boolean {
  if (holder === undefined || holder.place !== placeOfThisProcess()) {
    const heard = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
    return Date.now() - heard < SILENCE_MS
  }
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  const state = processState(holder.pid)
  if (state === undefined) return true
  // A zombie is dead though its id is still taken.
  return !state.isZombie && (holder.startTicks === undefined || state.startTicks === holder.startTicks)
}

/** Of Linux's /proc, where there is one; see proc_pid_stat(5), fields 3 and 22. */
function processState(pid: number): { readonly startTicks: number; readonly isZombie: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { startTicks: Number(fields[19]), isZombie: fields[0] === 'Z' || fields[0] === 'X' }
  } catch {
    return undefined
  }
}

function placeOfThisProcess(): string {
  const boot = textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  const namespace = textOf(() => readlinkSync('/proc/self/ns/pid'))
  return `${hostname()} ${boot} ${namespace}`
}

function textOf(read: () => string): string {
  try {
    return read()
  } catch {
    return '-'
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

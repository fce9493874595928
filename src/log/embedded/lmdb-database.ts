import { closeSync, fsyncSync, mkdirSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'

/** An LMDB file of binary keys, which are in order, and binary values. */
export type LmdbDatabase = RootDatabase<Uint8Array, Uint8Array>

/** lmdb-js takes these; its types do not list `permissionsMode`. */
type OpenOptions = Parameters<typeof open>[0] & { readonly permissionsMode: number }

/**
 * Opens or makes the database in the directory `path`, which must be locked.
 *
 * A transaction is durable when its promise resolves: its pages are written and flushed (`fdatasync`), then the page
 * that makes them the database's newest state. `mapBytes` of address space are reserved at once; lmdb-js reserves more
 * when a file outgrows them, so this alone bounds nothing.
 */
export function openLmdb(
  path: string,
  options: { readonly mapBytes: number; readonly versions: boolean },
): LmdbDatabase {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const isNew = !isDatabase(join(path, DATA_FILE))
  if (isNew) probeSpace(path)
  const settings: OpenOptions = {
    path,
    encoding: 'binary',
    keyEncoding: 'binary',
    useVersions: options.versions,
    mapSize: options.mapBytes,
    maxDbs: 1,
    // With it, a transaction is seen before it is flushed, and a flush that fails can no longer undo it.
    overlappingSync: false,
    // With it, a transaction that fails rejects also a promise that nobody is given, which ends the process.
    eventTurnBatching: false,
    noSubdir: false,
    permissionsMode: 0o600,
  }
  const database: LmdbDatabase = open<Uint8Array, Uint8Array>(settings)
  if (isNew) syncDirectory(path)
  return database
}

/** The file that LMDB keeps its pages in. */
export const DATA_FILE = 'data.mdb'

/** Throws where there is no room for a new database, since lmdb-js must not be the one to find out. */
function probeSpace(path: string): void {
  const probe = join(path, 'probe')
  try {
    writeFileSync(probe, Buffer.alloc(2 ** 18))
  } finally {
    rmSync(probe, { force: true })
  }
}

/** Of LMDB's data format 2 (`MDB_meta` after `MDB_page` in its mdb.c), in the machine's order of bytes. */
const MAGIC_AT = 24
const MAGIC = 0xbeef_c0de
const DATA_VERSION = 2

/**
 * Whether there is a database, rather than none yet. Throws where there is another file: lmdb-js must not be given one
 * that it cannot open, for it then uses memory that it has freed, and the process may crash.
 */
function isDatabase(file: string): boolean {
  let handle: number
  try {
    handle = openSync(file, 'r+')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
  try {
    const head = Buffer.alloc(MAGIC_AT + 8)
    const length = readSync(handle, head, 0, head.length, 0)
    if (length === 0) return false
    const [magic, version] = new Uint32Array(head.buffer, head.byteOffset + MAGIC_AT, 2)
    if (magic === MAGIC && (version! & 0xffff) === DATA_VERSION) return true
    throw Object.assign(new Error(`${file} is no LMDB database of data format ${DATA_VERSION}`), {
      code: -30_793,
    })
  } finally {
    closeSync(handle)
  }
}

/** Makes the names of new files in a directory durable, too. */
function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

export interface LmdbSize {
  /** Pages that hold something, in bytes. */
  readonly usedBytes: number
  /** Up to the last page that was ever used: also pages that are free to be used again. Never gets less. */
  readonly extentBytes: number
}

interface LmdbStats {
  readonly pageSize: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly lastPageNumber: number
}

export function lmdbSize(database: LmdbDatabase): LmdbSize {
  const stats = database.getStats() as LmdbStats
  const usedPages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
  return {
    usedBytes: usedPages * stats.pageSize,
    extentBytes: (stats.lastPageNumber + 1) * stats.pageSize,
  }
}

const PAGE_BYTES = 4096

/** Bytes of pages that a value takes: a long one has pages of its own, a short one shares a page. */
export function pageBytes(valueBytes: number): number {
  return valueBytes > 2000 ? Math.ceil((valueBytes + 16) / PAGE_BYTES) * PAGE_BYTES : valueBytes + 64
}

export interface LmdbFailure {
  readonly kind: 'full' | 'corrupt' | 'unavailable'
  /** What went wrong, to follow "cannot …: ". */
  readonly reason: string
  readonly cause: unknown
}

/** Codes of LMDB (negative) and the system. LMDB tells of a write cut short, as by a full disk, as EIO (5). */
const FULL = new Map([
  [-30_792, 'the database is full'],
  [28, 'no space is left on the disk'],
  [122, 'the disk quota is used up'],
  [27, 'the limit on the size of a file is reached'],
  [5, 'the disk is full, a quota or limit on the size of a file is reached, or the device fails'],
])
const CORRUPT = new Set([-30_797, -30_796, -30_793, -30_794])

/** Tells what an error of LMDB or the file system, as thrown or rejected with, means; undefined of any other error. */
export async function lmdbFailure(error: unknown): Promise<LmdbFailure | undefined> {
  const cause = await causeOf(error)
  if (!(cause instanceof Error && 'code' in cause)) return undefined
  const { code, message } = cause
  if (typeof code !== 'number') {
    // Of a system call of Node's.
    if (!('syscall' in cause)) return undefined
    const isFull = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
    return { kind: isFull ? 'full' : 'unavailable', reason: message, cause }
  }
  const full = FULL.get(code)
  if (full !== undefined) return { kind: 'full', reason: `${full} (${message})`, cause }
  if (CORRUPT.has(code)) return { kind: 'corrupt', reason: `the file is damaged (${message})`, cause }
  return { kind: 'unavailable', reason: message, cause }
}

/** lmdb-js rejects with an error that says nothing, and the promise of one that does. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && 'commitError' in error)) return error
  try {
    await error.commitError
    return error
  } catch (cause) {
    return cause
  }
}

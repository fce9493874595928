import type { ScriptArgument } from '../../redis/redis-script.ts'
import { type Commit, StoreError } from '../rollup-store.ts'
import { type BlobForm, blobForm, valueLength, writeValue } from './blob-value.ts'
import { newVersion } from './bucket-index.ts'
import { encodeMeta, FORMAT } from './meta-fields.ts'
import { blobsKey, metaKey } from './store-keys.ts'

/**
 * Of one commit. Redis does nothing else while it takes one, at some 300 MB a second, and reads at most 2^20 arguments
 * (before 7.0) and 1 GiB at once.
 */
const MAX_COMMIT_BYTES = 128 * 2 ** 20
const MAX_COMMIT_WRITES = 250_000

export interface CommitArguments {
  readonly keys: readonly string[]
  readonly args: readonly ScriptArgument[]
  readonly blobs: number
  readonly bytes: number
}

interface Changes {
  /** By scope; undefined deletes. Of several writes to one scope the last holds. */
  readonly blobs: Map<string, BlobForm | undefined>
  expiresAt: string
}

/** The commit script's keys and arguments. Rejects a commit that is larger than Redis should be given at once. */
export function commitArguments(commit: Commit, ttlMs: number): CommitArguments {
  const { partition, epoch, expectedOffset, expectedStamp, meta } = commit
  const totals = blobsKey(partition, { kind: 'total' })
  const changes = new Map<string, Changes>([[totals, { blobs: new Map(), expiresAt: '' }]])
  const at = (key: string) => {
    let found = changes.get(key)
    if (found === undefined) changes.set(key, (found = { blobs: new Map(), expiresAt: '' }))
    return found
  }
  for (const { address, scope, blob } of commit.writes) {
    const form = blob === undefined ? undefined : blobForm(address, blob)
    at(blobsKey(partition, address)).blobs.set(scope, form)
  }
  for (const { address, expiresAtMs } of commit.expiries) {
    at(blobsKey(partition, address)).expiresAt = String(Math.max(0, Math.floor(expiresAtMs)))
  }

  let bytes = 0
  let blobs = 0
  for (const { blobs: written } of changes.values()) {
    blobs += written.size
    for (const blob of written.values()) bytes += blob === undefined ? 0 : valueLength(blob)
  }
  if (bytes > MAX_COMMIT_BYTES || blobs > MAX_COMMIT_WRITES) {
    const message =
      `cannot commit ${blobs} blobs of ${bytes} bytes to ${partition} at once: Redis is given at most ` +
      `${MAX_COMMIT_WRITES} blobs of ${MAX_COMMIT_BYTES} bytes; have more partitions or lower the limits of series`
    throw new StoreError('STORE_FULL', message)
  }

  const version = newVersion()
  const metaFields = encodeMeta(meta)
  const stamp = expectedStamp === undefined ? '' : `=${expectedStamp}`
  const args: ScriptArgument[] = [FORMAT, epoch, expectedOffset, stamp, ttlMs, version]
  args.push(metaFields.length, ...metaFields)
  const values = Buffer.allocUnsafe(bytes)
  let end = 0
  for (const { blobs: written, expiresAt } of changes.values()) {
    const deleted = [...written].filter(([, blob]) => blob === undefined)
    args.push(written.size - deleted.length, deleted.length, expiresAt)
    for (const [scope, blob] of written) {
      if (blob === undefined) continue
      const start = end
      end = writeValue(values, start, version, blob)
      args.push(scope, values.subarray(start, end))
    }
    for (const [scope] of deleted) args.push(scope)
  }
  return { keys: [metaKey(partition), ...changes.keys()], args, blobs, bytes }
}

import type { RedisClient } from '../../redis/connect.ts'
import type { PartitionId } from '../../log/event-log.ts'
import {
  type BlobRead,
  type BlobVersion,
  type PartitionMeta,
  type PartitionSnapshot,
  StoreError,
  type StoredBlob,
} from '../rollup-store.ts'
import { blobOf, versionOf } from './blob-value.ts'
import { type BucketIndex, decodeIndex, NO_INDEX } from './bucket-index.ts'
import type { IndexCache } from './index-cache.ts'
import { bytes, checkFormat, decodeMeta, text } from './meta-fields.ts'
import { changesScript, everythingScript, META_FIELDS } from './scripts.ts'
import { blobsKey, metaKey } from './store-keys.ts'

/** Times that a read plans anew because a commit came between, before it asks for everything at once. */
const TRIES = 4
/** Times that it then asks for everything, because a commit changed what is to be read. */
const WHOLE_TRIES = 4
/** Of one HMGET. */
const MAX_FIELDS = 256
/** HMGETs of a read under way at once: bounds what Redis holds ready for a slow reader. */
const MAX_FETCHES = 8
/** The field of an index. */
const INDEX_FIELD = 0xff

/** A state of a partition's meta. */
export interface MetaState {
  readonly version: string
  readonly meta: PartitionMeta
}

/** What reads share. */
export interface ReadContext {
  readonly client: RedisClient
  /** How messages name the store. */
  readonly where: string
  readonly metas: Map<PartitionId, MetaState>
  readonly indexes: IndexCache
  /** Told when a commit came between two steps of a read. */
  readonly onRetry: () => void
}

type Plan = (meta: PartitionMeta) => readonly BlobRead[]

/** A blob behind the version that it was written with. */
interface Value {
  readonly version: string
  readonly blob: Uint8Array
}

/** A blob that a read is to give. */
interface Wanted extends BlobVersion {
  readonly key: string
}

/** What was fetched of a partition, by key and scope. */
class Values {
  readonly #keys = new Map<string, Map<string, Value>>()

  /** The blob in this version, or undefined. */
  get({ key, scope, version }: Wanted): Uint8Array | undefined {
    const value = this.#keys.get(key)?.get(scope)
    return value?.version === version ? value.blob : undefined
  }

  set(key: string, scope: string, value: Buffer): void {
    let scopes = this.#keys.get(key)
    if (scopes === undefined) this.#keys.set(key, (scopes = new Map()))
    scopes.set(scope, { version: versionOf(value), blob: blobOf(value) })
  }
}

/**
 * Reads one state of a partition in up to three steps: what changed of meta, of the indexes of what is wanted, and the
 * blobs that the reader does not know. With nothing new the first step, planned by the meta read last, is the only one.
 *
 * The state is the one that the indexes are of: each blob bears its version, and where one is another than the index
 * says, a commit has come between and the read plans anew, keeping what it has. When the writer overtakes it again and
 * again, it asks for everything in one step.
 */
export async function readPartition(
  context: ReadContext,
  partition: PartitionId,
  plan: Plan,
): Promise<PartitionSnapshot | undefined> {
  const values = new Values()
  let state = context.metas.get(partition)
  // The first meta that is new only means that the last read was a while ago.
  for (let tries = -1; tries < TRIES; tries++) {
    const reads = state === undefined ? [] : plan(state.meta)
    const answer = await changes(context, partition, state, reads)
    if (answer === undefined) return undefined
    if (answer.kind === 'moved') {
      state = answer.state
      context.metas.set(partition, state)
      if (tries >= 0) context.onRetry()
      continue
    }
    const { known, wanted } = select(partition, reads, answer.indexes)
    await fetch(context.client, wanted, values)
    const blobs = wanted.flatMap((one) => {
      const blob = values.get(one)
      return blob === undefined ? [] : [stored(one, blob)]
    })
    if (blobs.length === wanted.length) return { partition, meta: state!.meta, blobs, known }
    context.onRetry()
  }
  return readWhole(context, partition, plan, state!.meta)
}

type Changes =
  /** Meta is not what the reader planned by. */
  | { readonly kind: 'moved'; readonly state: MetaState }
  /** It is, and these are the indexes of what it wants to read. */
  | { readonly kind: 'same'; readonly indexes: readonly BucketIndex[] }

async function changes(
  { client, where, indexes }: ReadContext,
  partition: PartitionId,
  state: MetaState | undefined,
  reads: readonly BlobRead[],
): Promise<Changes | undefined> {
  const keys = reads.map(({ address }) => blobsKey(partition, address))
  const knownIndexes = keys.map((key) => indexes.get(key))
  const answer = (await changesScript.run(
    client,
    [metaKey(partition), ...keys],
    [state?.version ?? '', ...knownIndexes.map(({ version }) => version)],
  )) as unknown[]
  switch (text(answer[0])) {
    case 'none':
      return undefined
    case 'moved':
      return { kind: 'moved', state: stateOf(answer, where) }
    default:
      return {
        kind: 'same',
        indexes: keys.map((key, i) => {
          const changed = answer[i + 1]
          if (changed === 1) return knownIndexes[i]!
          const index = changed === null || changed === undefined ? NO_INDEX : decodeIndex(bytes(changed))
          indexes.set(key, index)
          return index
        }),
      }
  }
}

/** Of an answer with format, version and fields of meta behind its first word. */
function stateOf(answer: readonly unknown[], where: string): MetaState {
  checkFormat(answer[1], where)
  return { version: text(answer[2]), meta: decodeMeta(answer.slice(3)) }
}

/** Asks the reader what it wants, and which of that it knows. */
function select(
  partition: PartitionId,
  reads: readonly BlobRead[],
  indexes: readonly BucketIndex[],
): { readonly known: BlobVersion[]; readonly wanted: Wanted[] } {
  const known: BlobVersion[] = []
  const wanted: Wanted[] = []
  for (const [i, { address, wants, knows }] of reads.entries()) {
    const key = blobsKey(partition, address)
    for (const { scope, version } of indexes[i]!.scopes) {
      if (wants?.(scope) === false) continue
      if (knows?.(scope, version) === true) known.push({ address, scope, version })
      else wanted.push({ key, address, scope, version })
    }
  }
  return { known, wanted }
}

/** Fetches what is not among the values already. */
async function fetch(client: RedisClient, wanted: readonly Wanted[], values: Values): Promise<void> {
  const batches: { readonly key: string; readonly scopes: string[] }[] = []
  for (const one of wanted) {
    if (values.get(one) !== undefined) continue
    const last = batches.at(-1)
    if (last?.key === one.key && last.scopes.length < MAX_FIELDS) last.scopes.push(one.scope)
    else batches.push({ key: one.key, scopes: [one.scope] })
  }
  const next = batches.values()
  const work = async () => {
    for (const { key, scopes } of next) {
      const found = await client.hmgetBuffer(key, ...scopes)
      for (const [i, value] of found.entries()) {
        if (value !== null) values.set(key, scopes[i]!, value)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(MAX_FETCHES, batches.length) }, work))
}

function stored({ address, scope, version }: Wanted, blob: Uint8Array): StoredBlob {
  return { address, scope, version, blob }
}

/** Reads meta and all that was planned in one step; again where the new meta asks for more. */
async function readWhole(
  context: ReadContext,
  partition: PartitionId,
  plan: Plan,
  latest: PartitionMeta,
): Promise<PartitionSnapshot | undefined> {
  let reads = plan(latest)
  for (let tries = 0; tries < WHOLE_TRIES; tries++) {
    const keys = [...new Set(reads.map(({ address }) => blobsKey(partition, address)))]
    const answer = (await everythingScript.run(
      context.client,
      [metaKey(partition), ...keys],
      [],
    )) as unknown[]
    if (text(answer[0]) === 'none') return undefined
    const { meta } = stateOf(answer.slice(0, 3 + META_FIELDS.length), context.where)
    const lists = answer.slice(3 + META_FIELDS.length) as (readonly Buffer[])[]
    reads = plan(meta)
    const planned = reads.map((read) => ({ read, at: keys.indexOf(blobsKey(partition, read.address)) }))
    if (planned.every(({ at }) => at !== -1)) {
      const known: BlobVersion[] = []
      const blobs: StoredBlob[] = []
      for (const { read, at } of planned) selectWhole(read, lists[at]!, known, blobs)
      return { partition, meta, blobs, known }
    }
    context.onRetry()
  }
  const message = `cannot read ${partition}: it changed each of the ${TRIES + WHOLE_TRIES} times that it was read`
  throw new StoreError('STORE_UNAVAILABLE', message)
}

/** Adds what the reader wants of a hash's fields and values. */
function selectWhole(
  { address, wants, knows }: BlobRead,
  list: readonly Buffer[],
  known: BlobVersion[],
  blobs: StoredBlob[],
): void {
  for (let i = 0; i < list.length; i += 2) {
    const value = list[i + 1]!
    if (list[i]![0] === INDEX_FIELD && list[i]!.length === 1) continue
    const scope = list[i]!.toString()
    const version = versionOf(value)
    if (wants?.(scope) === false) continue
    if (knows?.(scope, version) === true) known.push({ address, scope, version })
    else blobs.push({ address, scope, version, blob: blobOf(value) })
  }
}

import { connectRedis, disconnectRedis, type RedisClient } from '../../redis/connect.ts'
import { redisFailure, withoutCommand } from '../../redis/redis-failure.ts'
import { redisName, type RedisSettings } from '../../redis/redis-url.ts'
import type { PartitionId } from '../../log/event-log.ts'
import {
  type BlobRead,
  type Claim,
  type Commit,
  type CommitOutcome,
  type PartitionMeta,
  type PartitionSnapshot,
  type RollupStore,
  StoreError,
} from '../rollup-store.ts'
import { commitArguments } from './commit-arguments.ts'
import { IndexCache } from './index-cache.ts'
import { checkFormat, decodeMeta, FORMAT, text } from './meta-fields.ts'
import { PartitionList } from './partition-list.ts'
import { type MetaState, type ReadContext, readPartition } from './partition-read.ts'
import { claimScript, commitScript } from './scripts.ts'
import { checkServers } from './server-check.ts'
import { blobsKey, metaKey } from './store-keys.ts'

/** A partition that is neither claimed nor committed to for this long goes, with its totals. */
const PARTITION_TTL_MS = 30 * 24 * 3_600_000

/** Calls under way at once; more are refused. */
const MAX_PENDING = 1024

/** Scopes in the indexes that are kept between reads: some 20 MB. */
const MAX_INDEXED_SCOPES = 200_000

/** Partitions whose meta is kept between reads. */
const MAX_METAS = 4096

export interface StoreTrouble {
  readonly kind: 'connection' | 'eviction'
  readonly message: string
}

export interface RedisRollupStoreOptions {
  readonly redis: RedisSettings
  /** Told of what goes wrong beside the calls, and of what is set so that data may be lost. */
  readonly onTrouble?: (trouble: StoreTrouble) => void
  /** Longest wait for Redis, in a call or to connect. */
  readonly timeoutMs?: number
}

export interface RedisStoreStats {
  readonly commits: number
  readonly refusedCommits: number
  readonly writtenBlobs: number
  readonly writtenBytes: number
  readonly reads: number
  /** Times that a read began anew because a commit came between. */
  readonly readRetries: number
  /** Calls that Redis did not answer, or with an error. */
  readonly failures: number
  /** Calls under way. */
  readonly pending: number
  /** Whether there is a connection, and how often it was made again. */
  readonly isConnected: boolean
  readonly reconnects: number
  /** Scopes in the indexes kept between reads. */
  readonly indexedScopes: number
}

/**
 * A `RollupStore` in Redis or Valkey: one server, the master that Sentinels name, or a Cluster, shared by any number of
 * processes. docs/redis.md says which keys there are and how large they get.
 *
 * A commit is one script in one round trip. How durable it is when it resolves is for the server's persistence and
 * replication to say; what they lose, writers notice by offset, stamp and epoch, and fold again from the log.
 *
 * Nothing waits for a Redis that is away: calls reject with STORE_UNAVAILABLE, at once or after `timeoutMs`, until it
 * is back. A commit that rejects may have been made.
 */
export class RedisRollupStore implements RollupStore {
  readonly #client: RedisClient
  readonly #where: string
  readonly #timeoutMs: number
  readonly #partitions: PartitionList
  readonly #reading: ReadContext
  readonly #metas = new Map<PartitionId, MetaState>()
  readonly #indexes = new IndexCache(MAX_INDEXED_SCOPES)
  readonly #pending = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined
  readonly #stats = {
    commits: 0,
    refusedCommits: 0,
    writtenBlobs: 0,
    writtenBytes: 0,
    reads: 0,
    readRetries: 0,
    failures: 0,
    reconnects: 0,
  }

  private constructor(client: RedisClient, options: Required<RedisRollupStoreOptions>) {
    this.#client = client
    client.on('ready', () => this.#stats.reconnects++)
    this.#where = redisName(options.redis)
    this.#timeoutMs = options.timeoutMs
    this.#partitions = new PartitionList(client)
    this.#reading = {
      client,
      where: this.#where,
      metas: this.#metas,
      indexes: this.#indexes,
      onRetry: () => this.#stats.readRetries++,
    }
  }

  /** Connects. Rejects with a StoreError: STORE_UNAVAILABLE, or STORE_FORMAT when the server is too old. */
  static async open(options: RedisRollupStoreOptions): Promise<RedisRollupStore> {
    const { redis, onTrouble = () => undefined, timeoutMs = 5000 } = options
    const where = redisName(redis)
    const what = `cannot open the rollup store ${where}`
    const client = await connectRedis(redis, {
      name: 'meshtap-store',
      timeoutMs,
      onError: (error) =>
        onTrouble({ kind: 'connection', message: `rollup store ${where}: ${error.message}` }),
    }).catch((error: unknown) => {
      throw storeError(what, error)
    })
    try {
      for (const message of await checkServers(client, where)) onTrouble({ kind: 'eviction', message })
      return new RedisRollupStore(client, { redis, onTrouble, timeoutMs })
    } catch (error) {
      client.disconnect()
      throw storeError(what, error)
    }
  }

  get stats(): RedisStoreStats {
    return {
      ...this.#stats,
      pending: this.#pending.size,
      isConnected: this.#client.status === 'ready',
      indexedScopes: this.#indexes.scopes,
    }
  }

  claim(partition: PartitionId): Promise<Claim> {
    return this.#call(`cannot claim ${partition} in`, async () => {
      const keys = [metaKey(partition), blobsKey(partition, { kind: 'total' })]
      // Both, so that no partition is ever committed to that nobody finds.
      const [answer] = await Promise.all([
        claimScript.run(this.#client, keys, [FORMAT, PARTITION_TTL_MS]) as Promise<unknown[]>,
        this.#partitions.add(partition),
      ])
      if (text(answer[0]) === 'format') checkFormat(answer[1], this.#where)
      const [, epoch, version, ...meta] = answer
      return {
        partition,
        epoch: Number(text(epoch)),
        meta: version === null ? undefined : decodeMeta(meta),
      }
    })
  }

  commit(commit: Commit): Promise<CommitOutcome> {
    return this.#call(`cannot commit to ${commit.partition} in`, async () => {
      const { keys, args, blobs, bytes } = commitArguments(commit, PARTITION_TTL_MS)
      const outcome = outcomeOf(await commitScript.run(this.#client, keys, args), this.#where)
      if (outcome.kind === 'committed') {
        this.#stats.commits++
        this.#stats.writtenBlobs += blobs
        this.#stats.writtenBytes += bytes
        this.#partitions.keep(commit.partition)
      } else {
        this.#stats.refusedCommits++
      }
      return outcome
    })
  }

  partitions(): Promise<readonly PartitionId[]> {
    return this.#call('cannot list the partitions of', () => this.#partitions.list())
  }

  read(
    partition: PartitionId,
    plan: (meta: PartitionMeta) => readonly BlobRead[],
  ): Promise<PartitionSnapshot | undefined> {
    return this.#call(`cannot read ${partition} from`, async () => {
      this.#stats.reads++
      if (this.#metas.size >= MAX_METAS && !this.#metas.has(partition)) this.#metas.clear()
      return readPartition(this.#reading, partition, plan)
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
    await disconnectRedis(this.#client, this.#timeoutMs)
  }

  async #call<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      throw new StoreError('STORE_CLOSED', `the rollup store ${this.#where} is closed`)
    }
    if (this.#pending.size >= MAX_PENDING) {
      const message = `${what} the rollup store ${this.#where}: ${MAX_PENDING} calls are under way, which is the most that may be`
      throw new StoreError('STORE_UNAVAILABLE', message)
    }
    const pending = work()
    this.#pending.add(pending)
    try {
      return await pending
    } catch (error) {
      const failure = storeError(`${what} the rollup store ${this.#where}`, error)
      if (failure instanceof StoreError) this.#stats.failures++
      throw failure
    } finally {
      this.#pending.delete(pending)
    }
  }
}

function outcomeOf(answer: unknown, where: string): CommitOutcome {
  const [kind, value] = answer as [Buffer, Buffer]
  switch (text(kind)) {
    case 'committed':
      return { kind: 'committed' }
    case 'stale-epoch':
      return { kind: 'stale-epoch', epoch: Number(text(value)) }
    case 'offset-moved':
      return { kind: 'offset-moved', offset: Number(text(value)) }
    default:
      checkFormat(value, where)
      throw new Error(`BUG: a commit answered ${text(kind)}`)
  }
}

/** A StoreError of what Redis or the way to it reports; any other error as it is. */
function storeError(what: string, error: unknown): unknown {
  if (error instanceof StoreError) return error
  const failure = redisFailure(error)
  if (failure === undefined) return error
  const code = failure.kind === 'full' ? 'STORE_FULL' : 'STORE_UNAVAILABLE'
  return new StoreError(code, `${what}: ${failure.reason}`, { cause: withoutCommand(error as Error) })
}

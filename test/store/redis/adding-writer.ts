import { setTimeout as sleep } from 'node:timers/promises'
import type { PartitionId } from '../../../src/log/event-log.ts'
import {
  type BlobAddress,
  type Claim,
  type CommitOutcome,
  type PartitionMeta,
  type RollupStore,
  StoreError,
} from '../../../src/store/rollup-store.ts'

const TOTAL: BlobAddress = { kind: 'total' }
const SCOPES = ['a', 'b']

export const PARTITION: PartitionId = 'mesh.requests-3'

/** The sum of a log whose record at each offset is the offset itself. */
function sumTo(offset: number): number {
  return (offset * (offset - 1)) / 2
}

/** A worker of one partition in small: adds up the records of a log, and claims again whenever a commit did not go through. */
export class AddingWriter {
  readonly outcomes: Record<CommitOutcome['kind'] | 'rejected', number> = {
    committed: 0,
    'stale-epoch': 0,
    'offset-moved': 0,
    rejected: 0,
  }
  readonly errors = new Set<string>()
  readonly #store: RollupStore
  readonly #partition: PartitionId
  #claim: Claim | undefined
  #meta: PartitionMeta | undefined
  #sum = 0

  constructor(store: RollupStore, partition: PartitionId = PARTITION) {
    this.#store = store
    this.#partition = partition
  }

  get epoch(): number {
    return this.#claim?.epoch ?? 0
  }

  get offset(): number {
    return this.#meta?.offset ?? 0
  }

  /** Adds records and commits; or, where that does not go through, takes note of why and claims next time. */
  async step(records = 3): Promise<void> {
    try {
      if (this.#claim === undefined) await this.claim()
      const outcome = await this.#commit(records)
      this.outcomes[outcome.kind]++
      if (outcome.kind !== 'committed') this.#claim = undefined
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.outcomes.rejected++
      this.errors.add(`${error.code} ${error.message}`)
      this.#claim = undefined
    }
  }

  async steps(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.step()
  }

  /** Goes on, a little at a time, until it has committed `more` times. */
  async commits(more: number, timeoutMs = 20_000): Promise<void> {
    const wanted = this.outcomes.committed + more
    const end = Date.now() + timeoutMs
    while (this.outcomes.committed < wanted) {
      await this.step()
      if (Date.now() > end) throw new Error(`no commit: ${[...this.errors].join('; ')}`)
      await sleep(5)
    }
  }

  async claim(): Promise<void> {
    const claim = await this.#store.claim(this.#partition)
    const snapshot = await this.#store.read(this.#partition, () => [{ address: TOTAL }])
    this.#claim = claim
    this.#meta = claim.meta
    this.#sum = claim.meta === undefined ? 0 : Number(Buffer.from(snapshot!.blobs[0]!.blob).toString())
  }

  async #commit(records: number): Promise<CommitOutcome> {
    const { epoch } = this.#claim!
    const { stamp } = this.#meta ?? {}
    const offset = this.offset + records
    const sum = this.#sum + sumTo(offset) - sumTo(this.offset)
    const meta: PartitionMeta = {
      offset,
      watermarkMs: 0,
      closedThroughMs: 0,
      openMs: [],
      producers: new Uint8Array(),
      counters: { sum },
      stamp: crypto.randomUUID(),
    }
    const outcome = await this.#store.commit({
      partition: this.#partition,
      epoch,
      expectedOffset: this.offset,
      ...(stamp === undefined ? {} : { expectedStamp: stamp }),
      meta,
      writes: SCOPES.map((scope) => ({ address: TOTAL, scope, blob: Buffer.from(String(sum)) })),
      expiries: [],
    })
    if (outcome.kind === 'committed') {
      this.#meta = meta
      this.#sum = sum
    }
    return outcome
  }
}

/** What of a partition's state is not as adding its records once gives: nothing, if all went well. */
export async function faults(store: RollupStore, partition: PartitionId = PARTITION): Promise<string[]> {
  const snapshot = await store.read(partition, () => [{ address: TOTAL }])
  if (snapshot === undefined) return ['nothing was committed']
  const { offset, counters } = snapshot.meta
  const want = sumTo(offset)
  const found = [
    ['counter', counters['sum']],
    ...snapshot.blobs.map(({ scope, blob }) => [scope, Number(Buffer.from(blob).toString())] as const),
  ]
  return [
    ...found.filter(([, sum]) => sum !== want).map(([what, sum]) => `${what} is ${sum}, not ${want}`),
    ...(snapshot.blobs.length === SCOPES.length ? [] : [`${snapshot.blobs.length} blobs`]),
  ]
}

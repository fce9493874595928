import { writeSync } from 'node:fs'
import type { BlobAddress, BucketAddress } from '../../../src/store/rollup-store.ts'
import { EmbeddedRollupStore } from '../../../src/store/embedded/embedded-rollup-store.ts'
import { blobFor, PARTITION, STAT, TOTAL } from './numbered-commit.ts'

/**
 * Commits one offset after the other, each with blobs that hold it and a bucket that expires soon, and prints those that
 * were acknowledged.
 */
const store = await EmbeddedRollupStore.open({ path: process.argv[2]! })
const { epoch, meta } = await store.claim(PARTITION)
for (let offset = meta?.offset ?? 0; ; offset++) {
  const passing: BucketAddress = { kind: 'top', tier: '10s', startMs: offset * 10_000 }
  const addresses: BlobAddress[] = [TOTAL, STAT, passing]
  const { kind } = await store.commit({
    partition: PARTITION,
    epoch,
    expectedOffset: offset,
    meta: {
      offset: offset + 1,
      watermarkMs: 0,
      closedThroughMs: 0,
      openMs: [],
      producers: blobFor(offset + 1),
      counters: { events: offset + 1 },
    },
    writes: addresses.flatMap((address) =>
      ['a', 'b'].map((scope) => ({ address, scope, blob: blobFor(offset + 1) })),
    ),
    expiries: [{ address: passing, expiresAtMs: Date.now() + 20 }],
  })
  if (kind !== 'committed') throw new Error(`offset ${offset + 1} was refused: ${kind}`)
  writeSync(1, `${offset + 1}\n`)
}

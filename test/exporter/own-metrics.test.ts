import t from 'tap'
import { ownMetrics } from '../../src/exporter/own-metrics.ts'
import { partitionId } from '../../src/log/event-log.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'

t.test('how far partitions are is told of those that were committed, in order', async (t) => {
  const store = new MemoryRollupStore()
  for (const [partition, offset] of [
    [1, 7],
    [0, 42],
  ] as const) {
    const claim = await store.claim(partitionId('mesh.requests', partition))
    const { kind } = await store.commit({
      partition: claim.partition,
      epoch: claim.epoch,
      expectedOffset: 0,
      meta: {
        offset,
        watermarkMs: 1_795_530_000_250,
        closedThroughMs: 0,
        openMs: [],
        producers: new Uint8Array(),
        counters: {},
      },
      writes: [],
      expiries: [],
    })
    t.equal(kind, 'committed')
  }
  await store.claim('mesh.requests-2')
  t.equal(
    await ownMetrics(store, '1.2"3'),
    `# HELP meshtap_build_info Which meshtap this is.
# TYPE meshtap_build_info gauge
meshtap_build_info{version="1.2\\"3"} 1
# HELP meshtap_partition_offset Offset of the next record of the partition to be folded.
# TYPE meshtap_partition_offset gauge
meshtap_partition_offset{partition="mesh.requests-0"} 42
meshtap_partition_offset{partition="mesh.requests-1"} 7
# HELP meshtap_partition_watermark_timestamp_seconds Up to which time the events of the partition are folded.
# TYPE meshtap_partition_watermark_timestamp_seconds gauge
meshtap_partition_watermark_timestamp_seconds{partition="mesh.requests-0"} 1795530000.25
meshtap_partition_watermark_timestamp_seconds{partition="mesh.requests-1"} 1795530000.25
`,
  )
})

t.test('a store that nothing was committed to has no figures but those of the build', async (t) => {
  t.notMatch(await ownMetrics(new MemoryRollupStore(), '1'), 'partition')
})

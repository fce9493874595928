import t from 'tap'
import { eventLogContract } from '../../contracts/event-log.ts'
import { openEmbedded } from './open-embedded.ts'

eventLogContract(t, {
  name: 'embedded',
  open: async (t, partitions) => {
    const { log, clock, reopen } = await openEmbedded(t, { partitions })
    return {
      log,
      reopen,
      tick: async () => {
        clock.nowMs += 10
      },
      expireAll: async () => {
        // Whatever is appended next deletes what is too old, in the same transaction.
        clock.nowMs += 10 * 60_000
        await log.append('something.else', [{ value: new Uint8Array(1), headers: {} }])
      },
    }
  },
  supports: { denseOffsets: true, independentPartitions: true, tooLargeBytes: 1_048_589 },
})

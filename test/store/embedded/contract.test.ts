import t from 'tap'
import { rollupStoreContract } from '../../contracts/rollup-store.ts'
import { openEmbedded } from './open-embedded.ts'

rollupStoreContract(t, {
  name: 'embedded',
  open: async (t) => {
    const { store, clock, reopen } = await openEmbedded(t)
    return {
      store,
      reopen,
      now: () => clock.nowMs,
      passUntil: async (timeMs) => {
        clock.nowMs = timeMs
      },
    }
  },
  supports: { rounds: 200 },
})

import t from 'tap'
import { rollupStoreContract } from '../contracts/rollup-store.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'

rollupStoreContract(t, {
  name: 'memory',
  supports: { rounds: 50 },
  open: async () => {
    let nowMs = 1_700_000_000_000
    let store = new MemoryRollupStore(() => nowMs)
    return {
      store,
      now: () => nowMs,
      passUntil: async (timeMs) => {
        nowMs = timeMs
      },
      reopen: async () => (store = store.reopened()),
    }
  },
})

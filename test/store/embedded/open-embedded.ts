import type { Test } from 'tap'
import {
  EmbeddedRollupStore,
  type EmbeddedRollupStoreOptions,
} from '../../../src/store/embedded/embedded-rollup-store.ts'

export interface OpenedStore {
  readonly store: EmbeddedRollupStore
  readonly path: string
  readonly clock: { nowMs: number }
  /** Opens the same directory anew, after the last one was closed. */
  readonly reopen: () => Promise<EmbeddedRollupStore>
}

/** A store in the test's directory, on a clock of its own. */
export async function openEmbedded(
  t: Test,
  options: Partial<EmbeddedRollupStoreOptions> = {},
): Promise<OpenedStore> {
  const clock = { nowMs: 1_700_000_000_000 }
  const path = options.path ?? t.testdir({})
  const reopen = async () => {
    const store = await EmbeddedRollupStore.open({ path, now: () => clock.nowMs, ...options })
    t.teardown(() => store.close())
    return store
  }
  return { store: await reopen(), path, clock, reopen }
}

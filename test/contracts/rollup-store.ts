import fc from 'fast-check'
import type { Test } from 'tap'
import type { PartitionId } from '../../src/log/event-log.ts'
import {
  type BlobAddress,
  type BlobRead,
  type BlobWrite,
  type BucketAddress,
  type Claim,
  type Commit,
  type CommitOutcome,
  type PartitionMeta,
  type RollupStore,
  StoreError,
} from '../../src/store/rollup-store.ts'

/** A store to be held to the contract. Nothing of it needs to be in this process. */
export interface RollupStoreUnderTest {
  readonly store: RollupStore
  /** The store's time, epoch milliseconds: at first about now. */
  readonly now: () => number
  /** Lets time pass until `timeMs` of the store's clock. */
  readonly passUntil: (timeMs: number) => Promise<void>
  /** Opens the same data again; what was open is closed already. */
  readonly reopen: () => Promise<RollupStore>
}

export interface RollupStoreContract {
  readonly name: string
  /** Opens an empty store. The test's teardown closes what is still open. */
  readonly open: (t: Test) => Promise<RollupStoreUnderTest>
  readonly supports: {
    /** Reading is cheap enough for so many rounds of a race. */
    readonly rounds: number
  }
}

const PARTITION: PartitionId = 'mesh.requests-7'
const OTHER: PartitionId = 'mesh.requests-11'
const TOTAL: BlobAddress = { kind: 'total' }
const STAT: BucketAddress = { kind: 'stat', tier: '10s', startMs: 1_700_000_000_000 }

/** Everything that `RollupStore` promises, as tests. An adapter passes all of them or is none. */
export function rollupStoreContract(t: Test, contract: RollupStoreContract): void {
  const { name, open, supports } = contract
  const check = (what: string, run: (t: Test) => Promise<void>) => t.test(`${name}: ${what}`, run)

  check('a partition that was never claimed is not there', async (t) => {
    const { store } = await open(t)
    t.same(await store.partitions(), [])
    t.equal(await store.read(PARTITION, everything), undefined)
  })

  check('claiming makes a partition known and raises its epoch every time', async (t) => {
    const { store } = await open(t)
    const first = await store.claim(PARTITION)
    t.equal(first.partition, PARTITION)
    t.equal(first.meta, undefined)
    t.same(await store.partitions(), [PARTITION])
    t.equal(await store.read(PARTITION, everything), undefined, 'claimed, but nothing was committed')
    const second = await store.claim(PARTITION)
    const other = await store.claim(OTHER)
    t.ok(first.epoch > 0 && second.epoch > first.epoch)
    t.equal(other.meta, undefined)
    t.same([...(await store.partitions())].sort(), [OTHER, PARTITION].sort())
  })

  check('claims at the same time get different epochs', async (t) => {
    const { store } = await open(t)
    const claims = await Promise.all(Array.from({ length: 10 }, () => store.claim(PARTITION)))
    t.equal(new Set(claims.map(({ epoch }) => epoch)).size, 10)
  })

  check('a claim answers what was last committed', async (t) => {
    const { store } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    await writer.commit({ offset: 5 })
    await writer.commit({ offset: 9 })
    t.same((await store.claim(PARTITION)).meta, meta({ offset: 9 }))
  })

  check('a commit of an epoch that is no longer the newest is refused and changes nothing', async (t) => {
    const { store } = await open(t)
    const old = new Writer(store, await store.claim(PARTITION))
    await old.commit({ offset: 5, writes: [write(TOTAL, 'a', 'first')] })
    const claim = await store.claim(PARTITION)
    const outcome = await old.try({ offset: 6, writes: [write(TOTAL, 'a', 'second')] })
    t.same(outcome, { kind: 'stale-epoch', epoch: claim.epoch })
    t.same(await texts(store), { 'total/a': 'first' })
    t.equal((await store.read(PARTITION, everything))?.meta.offset, 5)
    const writer = new Writer(store, claim)
    await writer.commit({ offset: 6, writes: [write(TOTAL, 'a', 'third')] })
    t.same(await texts(store), { 'total/a': 'third' })
  })

  check('a commit from another offset than the stored one is refused and changes nothing', async (t) => {
    const { store } = await open(t)
    const { epoch } = await store.claim(PARTITION)
    const base = { partition: PARTITION, epoch, expiries: [] }
    const first = await store.commit({
      ...base,
      expectedOffset: 3,
      meta: meta({ offset: 6 }),
      writes: [write(TOTAL, 'a', 'x')],
    })
    t.same(first, { kind: 'offset-moved', offset: 0 }, 'nothing was ever committed')
    t.equal(await store.read(PARTITION, everything), undefined)
    await store.commit({ ...base, expectedOffset: 0, meta: meta({ offset: 6 }), writes: [] })
    for (const expectedOffset of [0, 5, 7]) {
      const outcome = await store.commit({
        ...base,
        expectedOffset,
        meta: meta({ offset: 8 }),
        writes: [write(TOTAL, 'a', 'x'), write(STAT, 'a', 'x')],
        expiries: [{ address: STAT, expiresAtMs: 1 }],
      })
      t.same(outcome, { kind: 'offset-moved', offset: 6 })
    }
    t.same(await texts(store), {})
    t.same((await store.claim(PARTITION)).meta, meta({ offset: 6 }))
  })

  check('a commit on another state of the same offset is refused and changes nothing', async (t) => {
    const { store } = await open(t)
    const { epoch } = await store.claim(PARTITION)
    const base = { partition: PARTITION, epoch, writes: [], expiries: [] }
    const first = { ...base, expectedOffset: 0, meta: meta({ offset: 6, stamp: 'a' }) }
    t.same(await store.commit(first), { kind: 'committed' })
    for (const expected of [{}, { expectedStamp: '' }, { expectedStamp: 'b' }]) {
      const outcome = await store.commit({
        ...base,
        ...expected,
        expectedOffset: 6,
        meta: meta({ offset: 6, stamp: 'c' }),
        writes: [write(TOTAL, 'a', 'x')],
      })
      t.same(outcome, { kind: 'offset-moved', offset: 6 })
    }
    t.same(await texts(store), {})
    const claim = await store.claim(PARTITION)
    t.equal(claim.meta?.stamp, 'a')
    const next = { ...base, epoch: claim.epoch, expectedOffset: 6, expectedStamp: 'a' }
    t.same(await store.commit({ ...next, meta: meta({ offset: 6, stamp: 'b' }) }), { kind: 'committed' })
    const again = await store.commit({ ...next, meta: meta({ offset: 7, stamp: 'd' }) })
    t.same(again, { kind: 'offset-moved', offset: 6 }, 'a commit is made once')
  })

  check('a writer whose store lost everything is told that the offset moved', async (t) => {
    const { store } = await open(t)
    const commit = { partition: PARTITION, meta: meta({ offset: 8 }), writes: [], expiries: [] }
    const moved = { kind: 'offset-moved', offset: 0 }
    t.same(await store.commit({ ...commit, epoch: 3, expectedOffset: 0 }), moved)
    t.same(await store.commit({ ...commit, epoch: 3, expectedOffset: 4 }), moved)
    const { epoch } = await store.claim(PARTITION)
    t.same(await store.commit({ ...commit, epoch: epoch + 1, expectedOffset: 0 }), moved, 'claimed by less')
    t.same(await store.commit({ ...commit, epoch, expectedOffset: 0 }), { kind: 'committed' })
  })

  check('of commits from one state at the same time one goes through', async (t) => {
    const { store } = await open(t)
    const { epoch } = await store.claim(PARTITION)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        store.commit({
          partition: PARTITION,
          epoch,
          expectedOffset: 0,
          meta: meta({ offset: i + 1 }),
          writes: [write(TOTAL, 'a', `${i}`)],
          expiries: [],
        }),
      ),
    )
    const winner = outcomes.findIndex(({ kind }) => kind === 'committed')
    const others = outcomes.filter((_, i) => i !== winner)
    t.ok(others.every((outcome) => outcome.kind === 'offset-moved' && outcome.offset === winner + 1))
    t.same(await texts(store), { 'total/a': `${winner}` })
  })

  check('blobs are written, replaced and deleted, each by its address and scope', async (t) => {
    const { store } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    const addresses: BlobAddress[] = [
      TOTAL,
      STAT,
      { ...STAT, startMs: STAT.startMs + 10_000 },
      { ...STAT, tier: '1m' },
      { ...STAT, tier: '10m' },
      { ...STAT, kind: 'top' },
      { ...STAT, kind: 'top', tier: '10m', startMs: 0 },
    ]
    const expected: Record<string, string> = {}
    const writes = addresses.flatMap((address) =>
      ['a', 'ab', 'b'].map((scope) => {
        const at = `${addressText(address)}/${scope}`
        expected[at] = at
        return write(address, scope, at)
      }),
    )
    await writer.commit({ offset: 1, writes })
    t.same(await texts(store, addresses), expected)

    await writer.commit({
      offset: 2,
      writes: [
        { address: STAT, scope: 'a', blob: undefined },
        { address: STAT, scope: 'never there', blob: undefined },
        write(TOTAL, 'ab', 'new'),
        write(TOTAL, 'c', 'newer'),
      ],
    })
    delete expected[`${addressText(STAT)}/a`]
    Object.assign(expected, { 'total/ab': 'new', 'total/c': 'newer' })
    t.same(await texts(store, addresses), expected)
    t.same(await texts(store, [STAT]), {
      [`${addressText(STAT)}/ab`]: `${addressText(STAT)}/ab`,
      [`${addressText(STAT)}/b`]: `${addressText(STAT)}/b`,
    })
  })

  check('of writes to one address and scope in a commit the last holds', async (t) => {
    const { store } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    await writer.commit({
      offset: 1,
      writes: [
        write(TOTAL, 'a', '1'),
        write(TOTAL, 'a', '2'),
        write(TOTAL, 'b', '1'),
        { address: TOTAL, scope: 'b', blob: undefined },
      ],
    })
    t.same(await texts(store), { 'total/a': '2' })
  })

  check('partitions do not see each other', async (t) => {
    const { store } = await open(t)
    const mine = new Writer(store, await store.claim(PARTITION))
    const theirs = new Writer(store, await store.claim(OTHER))
    await mine.commit({ offset: 5, writes: [write(TOTAL, 'a', 'mine')] })
    await theirs.commit({ offset: 9, writes: [write(TOTAL, 'a', 'theirs')] })
    await mine.commit({ offset: 6, writes: [{ address: TOTAL, scope: 'a', blob: undefined }] })
    t.same(await texts(store), {})
    t.same(await texts(store, [TOTAL], OTHER), { 'total/a': 'theirs' })
  })

  check('any bytes and any scope come back as they were', async (t) => {
    const { store } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    const long = 'ü'.repeat(4000)
    const scopes = ['', ' ', 'a/b', 'a\u0000', 'a\u0000b', '☃', long, `${long}!`, '\u{10ffff}', '__proto__']
    const blobs = [
      new Uint8Array(0),
      Uint8Array.from({ length: 256 }, (_, i) => i),
      new Uint8Array(1_000_000).fill(9),
    ]
    for (const [i, blob] of blobs.entries()) {
      await writer.commit({
        offset: i + 1,
        writes: scopes.map((scope) => ({ address: STAT, scope, blob })),
      })
      const snapshot = await store.read(PARTITION, () => [{ address: STAT }])
      t.same(snapshot!.blobs.map(({ scope }) => scope).sort(), [...scopes].sort())
      t.ok(snapshot!.blobs.every((stored) => Buffer.from(blob).equals(stored.blob)))
      t.ok(snapshot!.blobs.every((stored) => addressText(stored.address) === addressText(STAT)))
    }
    for (const scope of scopes) {
      const one = await store.read(PARTITION, () => [{ address: STAT, wants: (s) => s === scope }])
      t.same(
        one!.blobs.map((stored) => stored.scope),
        [scope],
      )
    }
    const deletes = scopes.map((scope) => ({ address: STAT, scope, blob: undefined }))
    await writer.commit({ offset: 9, writes: deletes })
    t.same((await store.read(PARTITION, () => [{ address: STAT }]))!.blobs, [])
  })

  check('a read plans by the meta of the state that it reads, and is given only what it wants', async (t) => {
    const { store } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    const later = { ...STAT, startMs: STAT.startMs + 10_000 }
    await writer.commit({
      offset: 1,
      openMs: [later.startMs],
      writes: ['a', 'b', 'c'].flatMap((scope) => [write(STAT, scope, '1'), write(later, scope, '2')]),
    })
    const asked: string[] = []
    const snapshot = await store.read(PARTITION, ({ openMs }) =>
      openMs.map((startMs) => ({
        address: { ...STAT, startMs },
        wants: (scope) => {
          asked.push(scope)
          return scope !== 'b'
        },
      })),
    )
    t.same(snapshot!.blobs.map(({ scope, blob }) => `${scope}=${Buffer.from(blob).toString()}`).sort(), [
      'a=2',
      'c=2',
    ])
    t.same([...new Set(asked)].sort(), ['a', 'b', 'c'])
    t.same(await store.read(PARTITION, () => []), {
      partition: PARTITION,
      meta: snapshot!.meta,
      blobs: [],
      known: [],
    })
  })

  check('a plan that throws rejects its read and harms nothing', async (t) => {
    const { store } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    await writer.commit({ offset: 1, writes: [write(TOTAL, 'a', 'x')] })
    const fault = new Error('no plan')
    for (let i = 0; i < 3; i++) {
      const plan = () => {
        throw fault
      }
      await t.rejects(store.read(PARTITION, plan), fault)
    }
    await writer.commit({ offset: 2 })
    t.same(await texts(store), { 'total/a': 'x' })
  })

  check('a version changes when its blob does, and only then', async (t) => {
    const { store, reopen } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    const seen = new Map<string, string>()
    for (let i = 1; i <= 20; i++) {
      const scopes = ['a', 'b', 'c'].filter((_, bit) => (i & (1 << bit)) !== 0)
      const removed = i % 5 === 0 ? [{ address: STAT, scope: 'a', blob: undefined }] : []
      await writer.commit({
        offset: i,
        writes: [...scopes.map((scope) => write(STAT, scope, `${scope}${i}`)), ...removed],
      })
      for (const { scope, blob, version } of (await store.read(PARTITION, () => [{ address: STAT }]))!
        .blobs) {
        const text = Buffer.from(blob).toString()
        t.equal(seen.get(`${scope} ${version}`) ?? text, text, 'one version, one content')
        seen.set(`${scope} ${version}`, text)
      }
    }
    t.equal(new Set(seen.values()).size, seen.size, 'a blob that stays keeps its version')
    const before = (await store.read(PARTITION, () => [{ address: STAT }]))!.blobs
    await store.close()
    t.same((await (await reopen()).read(PARTITION, () => [{ address: STAT }]))!.blobs, before)
  })

  check('a blob that the reader knows is named and not given again', async (t) => {
    const { store } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    // Longer than a key can be in any store: where a scope is kept may differ by its length.
    const long = 'l'.repeat(3000)
    const scopes = ['a', 'b', long]
    await writer.commit({ offset: 1, writes: scopes.map((scope) => write(STAT, scope, `${scope}1`)) })
    const first = (await store.read(PARTITION, () => [{ address: STAT }]))!
    t.same(first.known, [], 'nothing is known of which nothing was said')
    const versions = new Map(first.blobs.map(({ scope, version }) => [scope, version]))
    const knows = (scope: string, version: string) => versions.get(scope) === version
    const again = (await store.read(PARTITION, () => [{ address: STAT, knows }]))!
    t.same(again.blobs, [])
    t.same(
      Object.fromEntries(again.known.map(({ address, scope, version }) => [scope, { address, version }])),
      Object.fromEntries(scopes.map((scope) => [scope, { address: STAT, version: versions.get(scope) }])),
    )
    await writer.commit({ offset: 2, writes: [write(STAT, 'b', 'b2')] })
    const changed = (await store.read(PARTITION, () => [{ address: STAT, knows, wants: (s) => s !== 'a' }]))!
    t.same(
      changed.blobs.map(({ scope, blob }) => [scope, Buffer.from(blob).toString()]),
      [['b', 'b2']],
    )
    t.same(
      changed.known.map(({ scope }) => scope),
      [long],
      'what is not wanted is not named either',
    )
  })

  check('meta comes back exactly', async (t) => {
    const { store } = await open(t)
    let claim = await store.claim(PARTITION)
    let expectedOffset = 0
    await fc.assert(
      fc.asyncProperty(metas, async (written) => {
        const commit: Commit = { ...claim, expectedOffset, meta: written, writes: [], expiries: [] }
        t.same(await store.commit(commit), { kind: 'committed' })
        expectedOffset = written.offset
        const snapshot = await store.read(PARTITION, () => [])
        t.strictSame(plainMeta(snapshot!.meta), plainMeta(written))
        claim = await store.claim(PARTITION)
        t.strictSame(plainMeta(claim.meta!), plainMeta(written))
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  check('a bucket is seen until it expires; its last given expiry holds', async (t) => {
    const { store, now, passUntil } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    const start = now()
    const buckets = [0, 1, 2, 3].map((i) => ({ ...STAT, startMs: STAT.startMs + i * 10_000 }))
    const [soon, longer, shorter, forever] = buckets as [
      BucketAddress,
      BucketAddress,
      BucketAddress,
      BucketAddress,
    ]
    await writer.commit({
      offset: 1,
      writes: [...buckets.map((address) => write(address, 'a', 'x')), write(TOTAL, 'a', 'x')],
      expiries: [
        { address: soon, expiresAtMs: start + 500 },
        { address: longer, expiresAtMs: start + 500 },
        { address: shorter, expiresAtMs: start + 100_000 },
      ],
    })
    await writer.commit({
      offset: 2,
      expiries: [
        { address: longer, expiresAtMs: start + 1000 },
        { address: shorter, expiresAtMs: start + 500 },
      ],
    })
    const seen = async () => Object.keys(await texts(store, [...buckets, TOTAL])).sort()
    t.same(await seen(), firstScopes(soon, longer, shorter, forever, TOTAL))
    await passUntil(start + 500)
    t.same(await seen(), firstScopes(longer, forever, TOTAL))
    await writer.commit({ offset: 3 })
    await store.claim(OTHER)
    t.same(await seen(), firstScopes(longer, forever, TOTAL), 'what is deleted then is only what expired')
    await passUntil(start + 1000)
    t.same(await seen(), firstScopes(forever, TOTAL))
  })

  check('an expired bucket that is written again holds only what is new', async (t) => {
    const { store, now, passUntil } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    const start = now()
    await writer.commit({
      offset: 1,
      writes: [write(STAT, 'a', 'old'), write(STAT, 'b', 'old')],
      expiries: [{ address: STAT, expiresAtMs: start + 500 }],
    })
    await passUntil(start + 500)
    await writer.commit({
      offset: 2,
      writes: [write(STAT, 'a', 'new')],
      expiries: [{ address: STAT, expiresAtMs: start + 100_000 }],
    })
    t.same(await texts(store, [STAT]), { [`${addressText(STAT)}/a`]: 'new' })
  })

  check('an expiry in the past hides a bucket at once', async (t) => {
    const { store, now } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    await writer.commit({
      offset: 1,
      writes: [write(STAT, 'a', 'x'), write({ ...STAT, kind: 'top' }, 'a', 'x')],
      expiries: [{ address: STAT, expiresAtMs: now() - 1000 }],
    })
    t.same(Object.keys(await texts(store, [STAT, { ...STAT, kind: 'top' }])), [
      `${addressText({ ...STAT, kind: 'top' })}/a`,
    ])
  })

  check('a reader never sees half of a commit', async (t) => {
    const { store } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    const scopes = Array.from({ length: 20 }, (_, i) => `scope-${i}`)
    const addresses: BlobAddress[] = [TOTAL, STAT, { ...STAT, kind: 'top' }]
    const progress = { isDone: false }
    let torn = 0
    let newest = 0
    const states = new Set<number>()
    const read = async () => {
      while (!progress.isDone) {
        await new Promise((resolve) => setImmediate(resolve))
        const snapshot = await store.read(PARTITION, () => addresses.map((address) => ({ address })))
        if (snapshot === undefined) continue
        const { offset } = snapshot.meta
        // What a commit of this offset writes; every third deletes the bucket's scopes.
        const count = offset % 3 === 0 ? scopes.length : scopes.length * addresses.length
        const isWhole =
          snapshot.blobs.length === count &&
          snapshot.blobs.every(({ blob }) => Buffer.from(blob).toString() === `${offset}`)
        if (!isWhole || offset < newest) torn++
        newest = offset
        states.add(offset)
      }
    }
    const reading = read()
    for (let offset = 1; offset <= supports.rounds; offset++) {
      await new Promise((resolve) => setImmediate(resolve))
      await writer.commit({
        offset,
        writes: addresses.flatMap((address) =>
          scopes.map((scope) =>
            offset % 3 === 0 && address.kind !== 'total'
              ? { address, scope, blob: undefined }
              : write(address, scope, `${offset}`),
          ),
        ),
      })
    }
    progress.isDone = true
    await reading
    t.equal(torn, 0)
    t.ok(states.size > 1, `saw ${states.size} states`)
  })

  check('what was committed is there when the store is opened anew', async (t) => {
    const { store, now, reopen } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    await writer.commit({
      offset: 7,
      writes: [write(TOTAL, 'a', 'x'), write(STAT, 'b', 'y')],
      expiries: [{ address: STAT, expiresAtMs: now() + 100_000 }],
    })
    const snapshot = await store.read(PARTITION, everything)
    await store.close()
    const later = await reopen()
    t.same(await later.partitions(), [PARTITION])
    t.same(await later.read(PARTITION, everything), snapshot)
    const claim = await later.claim(PARTITION)
    t.same(claim.meta, snapshot!.meta)
    t.ok(claim.epoch > writer.claim.epoch)
  })

  check('close drains what is under way and refuses what comes after', async (t) => {
    const { store, reopen } = await open(t)
    const writer = new Writer(store, await store.claim(PARTITION))
    await writer.commit({ offset: 1 })
    const committing = writer.try({ offset: 2, writes: [write(TOTAL, 'a', 'x')] })
    const claiming = store.claim(OTHER)
    const closing = store.close()
    t.same(await committing, { kind: 'committed' })
    t.ok((await claiming).epoch > 0)
    await closing
    await Promise.all([store.close(), store.close()])
    const calls = [
      store.claim(PARTITION),
      store.partitions(),
      store.read(PARTITION, everything),
      store.commit({
        ...writer.claim,
        expectedOffset: 2,
        meta: meta({ offset: 3 }),
        writes: [],
        expiries: [],
      }),
    ]
    for (const call of calls) t.equal((await rejection(call)).code, 'STORE_CLOSED')
    const later = await reopen()
    t.same(await texts(later), { 'total/a': 'x' })
    t.same([...(await later.partitions())].sort(), [OTHER, PARTITION].sort())
  })
}

/** Commits as the one writer of a partition would, one after the other. */
class Writer {
  readonly claim: Claim
  readonly #store: RollupStore
  #offset: number

  constructor(store: RollupStore, claim: Claim) {
    this.#store = store
    this.claim = claim
    this.#offset = claim.meta?.offset ?? 0
  }

  async try(
    commit: Partial<PartitionMeta> & Partial<Pick<Commit, 'writes' | 'expiries'>>,
  ): Promise<CommitOutcome> {
    const { writes = [], expiries = [], ...changed } = commit
    const { partition, epoch } = this.claim
    const expectedOffset = this.#offset
    return this.#store.commit({ partition, epoch, expectedOffset, meta: meta(changed), writes, expiries })
  }

  async commit(commit: Parameters<Writer['try']>[0]): Promise<void> {
    const { kind } = await this.try(commit)
    if (kind !== 'committed') throw new Error(`a commit was refused: ${kind}`)
    this.#offset = commit.offset ?? 0
  }
}

function meta(changed: Partial<PartitionMeta>): PartitionMeta {
  return {
    offset: 0,
    watermarkMs: 0,
    closedThroughMs: 0,
    openMs: [],
    producers: new Uint8Array(0),
    counters: {},
    ...changed,
  }
}

const wholeNumbers = fc.oneof(fc.constantFrom(0, 1, 2 ** 32, 2 ** 53 - 1), fc.maxSafeNat())

const metas: fc.Arbitrary<PartitionMeta> = fc.record({
  offset: wholeNumbers,
  watermarkMs: wholeNumbers,
  closedThroughMs: wholeNumbers,
  openMs: fc.array(wholeNumbers, { maxLength: 100 }),
  producers: fc.uint8Array({ maxLength: 5000 }),
  counters: fc.dictionary(fc.string({ minLength: 1 }), wholeNumbers, { noNullPrototype: true }),
})

function plainMeta({ producers, counters, ...rest }: PartitionMeta): unknown {
  return { ...rest, counters: { ...counters }, producers: Buffer.from(producers).toString('hex') }
}

function write(address: BlobAddress, scope: string, text: string): BlobWrite {
  return { address, scope, blob: Buffer.from(text) }
}

function everything(): BlobRead[] {
  return [{ address: TOTAL }, { address: STAT }]
}

function addressText(address: BlobAddress): string {
  return address.kind === 'total' ? 'total' : `${address.kind}:${address.tier}:${address.startMs}`
}

function firstScopes(...addresses: BlobAddress[]): string[] {
  return addresses.map((address) => `${addressText(address)}/a`).sort()
}

/** Blobs as text, by address and scope. */
async function texts(
  store: RollupStore,
  addresses: readonly BlobAddress[] = [TOTAL, STAT],
  partition: PartitionId = PARTITION,
): Promise<Record<string, string>> {
  const snapshot = await store.read(partition, () => addresses.map((address) => ({ address })))
  return Object.fromEntries(
    snapshot!.blobs.map(({ address, scope, blob }) => [
      `${addressText(address)}/${scope}`,
      Buffer.from(blob).toString(),
    ]),
  )
}

/** The StoreError that a call rejects with. */
async function rejection(call: Promise<unknown>): Promise<StoreError> {
  try {
    await call
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
  throw new Error('the call was expected to reject')
}

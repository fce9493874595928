import t from 'tap'
import { Rollup } from '../../src/rollup/rollup.ts'
import { seriesKey } from '../../src/rollup/series.ts'
import { encodeStatBlock } from '../../src/rollup/stat-block-codec.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { NOW } from '../query/world.ts'
import { parseProtobuf } from './parse-protobuf.ts'
import { pageOf, PROTOBUF, samplesOf, scrape } from './scrape.ts'

const MARK = '@@@'

/** A store of one series, in whose blob each mark is replaced by three bytes. */
async function storeWith(text: string, bytes: readonly number[]): Promise<MemoryRollupStore> {
  const rollup = new Rollup()
  const key = seriesKey({
    workload: { cluster: 'east', namespace: 'shop', kind: 'deployment', name: text },
    pod: text,
    direction: 'outbound',
    peer: { cluster: 'east', namespace: 'shop', kind: 'deployment', name: text },
    service: text,
    authority: text,
    route: text,
    method: text,
    tls: true,
  })
  const outcome = rollup.outcomes.index({
    status: 200,
    grpcStatus: -1,
    classification: 'success',
    reason: '',
  })
  const slot = rollup.slot(key)
  rollup.addRequest(slot, outcome, 5, 1)
  rollup.addSums(slot, { latencySumMicros: 5, requestBytes: 0, responseBytes: 0, firstMs: NOW, lastMs: NOW })
  const [scope] = rollup.scopes()
  const blob = Buffer.from(encodeStatBlock(rollup.block(scope!)))
  for (let at = blob.indexOf(MARK); at >= 0; at = blob.indexOf(MARK)) blob.set(bytes, at)
  const store = new MemoryRollupStore(() => NOW)
  const { epoch } = await store.claim('mesh.requests-0')
  await store.commit({
    partition: 'mesh.requests-0',
    epoch,
    expectedOffset: 0,
    meta: {
      offset: 1,
      watermarkMs: NOW,
      closedThroughMs: NOW,
      openMs: [],
      producers: new Uint8Array(0),
      counters: {},
    },
    writes: [{ address: { kind: 'total' }, scope: scope!, blob }],
    expiries: [],
  })
  return store
}

const LABELS = ['pod', 'dst_service', 'authority', 'deployment', 'dst_deployment'] as const

t.test('values are escaped, mended or cut in every format, and are the same in all', async (t) => {
  for (const [text, bytes, want] of [
    [`plain-${MARK}`, [0x78, 0x79, 0x7a], 'plain-xyz'],
    [`invalid-${MARK}`, [0xff, 0xfe, 0xfd], 'invalid-\ufffd\ufffd\ufffd'],
    [`half-${MARK}`, [0xed, 0xa0, 0x80], 'half-\ufffd\ufffd\ufffd'],
    [`control-${MARK}`, [0x00, 0x0d, 0x7f], 'control-\ufffd\ufffd\ufffd'],
    [`quote-${MARK}`, [0x22, 0x5c, 0x0a], 'quote-"\\\n'],
    [`euro-${MARK}`, [0xe2, 0x82, 0xac], 'euro-€'],
    [`${'x'.repeat(10_237)}${MARK}`, [0xff, 0x22, 0x0a], `${'x'.repeat(1021)}…`],
    [`${'x'.repeat(1021)}${MARK}`, [0x78, 0x78, 0x78], 'x'.repeat(1024)],
    [`${'x'.repeat(1022)}${MARK}`, [0x78, 0x78, 0x78], `${'x'.repeat(1021)}…`],
  ] as const) {
    const page = pageOf(await storeWith(text, bytes))
    for (const isOpenMetrics of [false, true]) {
      const sample = (await samplesOf(page, { isOpenMetrics })).find(({ name }) => name === 'request_total')
      for (const label of LABELS) t.equal(sample?.labels[label], want, label)
    }
    const family = parseProtobuf((await scrape(page, { accept: PROTOBUF })).body).find(
      ({ name }) => name === 'request_total',
    )
    const labels = new Map(family?.metric[0]?.label?.map(({ name, value }) => [name, value]))
    for (const label of LABELS) t.equal(labels.get(label), want, label)
    t.equal(labels.get('workload'), want.endsWith('…') ? `deployment/${'x'.repeat(1010)}…` : workloadOf(want))
  }
})

/** The kind before the name may make a value too long that is not. */
function workloadOf(name: string): string {
  return name.length === 1024 ? `deployment/${'x'.repeat(1010)}…` : `deployment/${name}`
}

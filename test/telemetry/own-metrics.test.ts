import t from 'tap'
import { OWN_FAMILIES } from '../../src/telemetry/own-families.ts'
import type { OwnFamily } from '../../src/telemetry/own-family.ts'
import { OwnMetrics, type ValueName } from '../../src/telemetry/own-metrics.ts'

const families: readonly OwnFamily[] = OWN_FAMILIES

t.test('names follow the conventions of Prometheus, each once', async (t) => {
  t.equal(new Set(families.map(({ name }) => name)).size, families.length)
  for (const { name, type, help, labels, unit, buckets = [] } of families) {
    t.match(name, /^meshtap_[a-z]+(_[a-z]+)+$/)
    t.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`)
    t.equal(/_seconds(_total)?$/.test(name), unit === 'seconds', `${name} is in ${unit}`)
    t.equal(/_bytes(_total)?$/.test(name), unit === 'bytes', `${name} is in ${unit}`)
    t.match(help, /^[A-Z].*\.$/, name)
    t.notMatch(help, /[\\\n]/, 'help that would have to be escaped')
    for (const label of labels) t.match(label, /^(?!le$|quantile$|__|job$|instance$)[a-z]+$/, name)
    t.strictSame(
      buckets,
      buckets.toSorted((a, b) => a - b),
    )
  }
})

t.test('sources are asked at each scrape, and what they do not tell any more is gone', async (t) => {
  const metrics = new OwnMetrics({ role: 'aggregator', version: '1' })
  let partitions = ['a-0', 'a-1']
  metrics.add((tell) => {
    for (const partition of partitions) tell('meshtap_aggregator_lag_records', 7, { partition })
    tell('meshtap_aggregator_claims_total', 3)
  })
  const samples = async (name: string) =>
    (await metrics.samples()).find((family) => family.name === name)?.samples
  t.strictSame(await samples('meshtap_aggregator_claims_total'), [{ labels: {}, value: 3 }])
  t.strictSame(await samples('meshtap_aggregator_claims_total'), [{ labels: {}, value: 3 }], 'not added up')
  t.equal((await samples('meshtap_aggregator_lag_records'))?.length, 2)
  partitions = ['a-1']
  t.strictSame(await samples('meshtap_aggregator_lag_records'), [{ labels: { partition: 'a-1' }, value: 7 }])
})

t.test('a histogram has what it was given, by its labels', async (t) => {
  const metrics = new OwnMetrics({ role: 'exporter', version: '1' })
  const observe = metrics.histogram('meshtap_store_request_duration_seconds')
  observe(0.003, { operation: 'read' })
  observe(0.3, { operation: 'read' })
  observe(99, { operation: 'claim' })
  const family = (await metrics.samples()).find(({ name }) => name.startsWith('meshtap_store_request'))
  t.match(family, {
    type: 'histogram',
    samples: [
      {
        labels: { operation: 'read' },
        cumulative: [0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2],
        sum: 0.303,
      },
      { labels: { operation: 'claim' }, cumulative: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], sum: 99 },
    ],
  })
})

t.test('what is not of a role cannot be told', async (t) => {
  const metrics = new OwnMetrics({ role: 'exporter', version: '1' })
  t.throws(() => metrics.histogram('meshtap_gateway_query_duration_seconds'), { message: /^BUG: / })
  metrics.add((tell) => tell('meshtap_gateway_taps' satisfies ValueName, 1))
  await t.rejects(metrics.samples(), { message: /^BUG: / })
})

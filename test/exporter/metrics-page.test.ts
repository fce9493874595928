import type { Readable } from 'node:stream'
import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import type { MetricsPage } from '../../src/exporter/metrics-page.ts'
import { StoreError } from '../../src/store/rollup-store.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { request, times } from '../query/events.ts'
import { NOW, storeOf } from '../query/world.ts'
import { OPENMETRICS, pageOf, PROTOBUF, samplesOf, scrape, sumOf } from './scrape.ts'

const TEXT = /^text\/plain; version=0.0.4/
const events = (count: number): MeshEvent[] => times(count, () => request('web', 'voting'))

t.test('the format is the one that a client likes best of those there are', async (t) => {
  const page = pageOf(await storeOf(events(1)))
  for (const [accept, want] of [
    [undefined, TEXT],
    ['*/*', TEXT],
    ['text/html,application/xhtml+xml', TEXT],
    ['application/openmetrics-text', /^application\/openmetrics-text; version=1.0.0/],
    ['application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.5', TEXT],
    ['application/openmetrics-text;version=2.0.0', TEXT],
    ['application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', /openmetrics/],
    [`${PROTOBUF};q=0.6,${OPENMETRICS};q=0.5,text/plain;q=0.2`, /encoding=delimited$/],
    [PROTOBUF.replace('delimited', 'text'), TEXT],
  ] as const) {
    const { headers } = await scrape(page, accept === undefined ? {} : { accept })
    t.match(headers['content-type'], want, String(accept))
  }
})

t.test('the coding is the one that a client likes best; whatever it is, the text is the same', async (t) => {
  const page = pageOf(await storeOf(events(1)))
  const plain = await scrape(page)
  for (const [acceptEncoding, want] of [
    ['gzip', 'gzip'],
    ['gzip, zstd', 'zstd'],
    ['gzip;q=1, zstd;q=0.5', 'gzip'],
    ['gzip;q=0', undefined],
    ['identity, gzip;q=0.5', undefined],
    ['br', undefined],
  ] as const) {
    const { headers, body } = await scrape(page, { acceptEncoding })
    t.equal(headers['content-encoding'], want, acceptEncoding)
    t.ok(body.equals(plain.body))
  }
})

async function refusal(page: MetricsPage) {
  return samplesOf(page).then(
    () => undefined,
    (error: { status: number; code: string; message: string }) => error,
  )
}

t.test('while a store is being rebuilt no counter is shown lower than before', async (t) => {
  let nowMs = NOW
  const store = await storeOf(events(10))
  const page = pageOf(store, { now: () => nowMs })
  t.equal(sumOf(await samplesOf(page), 'request_total'), 10)
  for (const [state, want] of [
    [new MemoryRollupStore(), /is at offset 0, and was shown as of 10/],
    [await storeOf(events(4)), /is at offset 4, and was shown as of 10/],
  ] as const) {
    store.restore(state.snapshot())
    t.match(await refusal(page), { status: 503, code: 'STORE_REBUILDING', message: want })
  }
  store.restore((await storeOf(events(10))).snapshot())
  t.equal(sumOf(await samplesOf(page), 'request_total'), 10)
  store.restore((await storeOf(events(11))).snapshot())
  t.equal(sumOf(await samplesOf(page), 'request_total'), 11)

  store.restore((await storeOf(events(2))).snapshot())
  t.match(await refusal(page), { status: 503 })
  nowMs += 119_999
  t.match(await refusal(page), { status: 503 })
  nowMs += 1
  t.equal(
    sumOf(await samplesOf(page), 'request_total'),
    2,
    'a log that begins anew is shown after two minutes',
  )
})

t.test('a store that does not answer is a 503; one that stops answering breaks a scrape off', async (t) => {
  const many = times(3000, (i) => request('web', 'voting', { destination: { pod: `pod-${i}` } }))
  const store = await storeOf(many)
  const page = pageOf(store)
  const asked = { parameters: new URLSearchParams(), accept: undefined, acceptEncoding: 'gzip' }
  const { body } = await page.answer(asked)
  store.failure = new StoreError('STORE_UNAVAILABLE', 'gone')
  await t.rejects((body as Readable).toArray(), { message: 'gone' })
  t.match(await refusal(page), { status: 503, code: 'STORE_UNAVAILABLE' })
  store.failure = undefined
  t.equal(sumOf(await samplesOf(page), 'request_total'), 3000)
})

t.test('four scrapes at once are answered, and a fifth when one is done or gone', async (t) => {
  const page = pageOf(
    await storeOf(times(500, (i) => request('web', 'voting', { destination: { pod: `p${i}` } }))),
  )
  const asked = { parameters: new URLSearchParams(), accept: undefined, acceptEncoding: undefined }
  const bodies: Readable[] = []
  for (let i = 0; i < 4; i++) bodies.push((await page.answer(asked)).body as Readable)
  t.match(await refusal(page), { status: 429, code: 'OVERLOADED' })
  const [first] = bodies
  await new Promise((resolve) => first!.once('close', resolve).destroy())
  t.equal(sumOf(await samplesOf(page), 'request_total'), 500)
  for (const body of bodies) body.destroy()
})

t.test('a client that reads slowly is not run ahead of', async (t) => {
  const page = pageOf(
    await storeOf(times(2000, (i) => request('web', 'voting', { destination: { pod: `p${i}` } }))),
  )
  const { body } = await page.answer({
    parameters: new URLSearchParams(),
    accept: undefined,
    acceptEncoding: undefined,
  })
  const stream = body as Readable
  await new Promise((resolve) => stream.once('readable', resolve))
  await new Promise((resolve) => setImmediate(resolve))
  t.ok(stream.readableLength <= 256 * 1024, `${stream.readableLength} bytes wait`)
  const all = await stream.toArray()
  t.ok(Buffer.concat(all).length > 4_000_000)
})

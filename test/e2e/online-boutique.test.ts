import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { eventToJson } from '../../src/event/json-encoder.ts'
import { encodeOtlpTraces } from '../../src/event/otlp-encoder.ts'
import type { EdgesAnswer, StatAnswer } from '../../src/query/answer.ts'
import { boutiqueRequests } from '../online-boutique/convert.ts'
import { ServeProcess } from './serve-process.ts'

/**
 * Requests between workloads of Online Boutique, counted from the file with nothing of meshtap: a span whose parent is
 * in another pod is a request. By `source → destination`, and by destination with exact latencies.
 */
function countByHand() {
  const text = gunzipSync(
    readFileSync(new URL('../fixtures/online-boutique/spans.csv.gz', import.meta.url)),
  ).toString()
  const rows = text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
  const podOf = new Map(rows.map((row) => [row[1], row[3]!]))
  const workload = (pod: string) => pod.replace(/-[^-]+-[^-]+$/, '')
  const edges = new Map<string, number>()
  const latencies = new Map<string, number[]>()
  for (const row of rows) {
    const parentPod = podOf.get(row[2])
    if (parentPod === undefined || parentPod === row[3]) continue
    const name = workload(row[3]!)
    const edge = `${workload(parentPod)} → ${name}`
    edges.set(edge, (edges.get(edge) ?? 0) + 1)
    latencies.set(name, [...(latencies.get(name) ?? []), Number(row[7])])
  }
  return { edges, latencies }
}

async function post(url: string, contentType: string, body: Uint8Array | string): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
  })
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
  await response.arrayBuffer()
}

const ASKED = { resource: 'deploy', namespace: 'boutique', window: '1h' }

async function answersOf(
  serve: ServeProcess,
  requests: number,
): Promise<{ stat: StatAnswer; edges: EdgesAnswer }> {
  const stat = await serve.until(
    'stat',
    ASKED,
    ({ rows }) => rows.reduce((sum, row) => sum + row.requests, 0) >= requests,
  )
  return { stat, edges: await serve.ask('edges', ASKED) }
}

/** Rows without what depends on when the question was asked. */
function timeless(rows: readonly object[]): unknown[] {
  return rows.map((row) => ({ ...row, rps: undefined, meshed: undefined }))
}

t.test('real spans pushed as OTLP and as JSON give the same, and what a count by hand gives', async (t) => {
  const recorded = boutiqueRequests()
  // The spans are of 2022, which no bucket takes any more: moved so that the last one has just ended.
  const shift = Date.now() - 1000 - recorded.reduce((latest, { timeMs }) => Math.max(latest, timeMs), 0)
  const requests = recorded.map((request) => ({ ...request, timeMs: request.timeMs + shift }))
  const [otlp, json] = await Promise.all([
    ServeProcess.start(`${t.testdir()}/otlp`),
    ServeProcess.start(`${t.testdirName}/json`),
  ])
  t.teardown(() => Promise.all([otlp.kill('SIGKILL'), json.kill('SIGKILL')]))
  for (let at = 0; at < requests.length; at += 100) {
    const some = requests.slice(at, at + 100)
    await post(`${otlp.ingestUrl}/v1/traces`, 'application/x-protobuf', encodeOtlpTraces(some))
    const lines = some.map((request) => JSON.stringify(eventToJson(request))).join('\n')
    await post(`${json.ingestUrl}/v1/events`, 'application/x-ndjson', lines)
  }
  const byOtlp = await answersOf(otlp, requests.length)
  const byJson = await answersOf(json, requests.length)
  t.strictSame(timeless(byOtlp.stat.rows), timeless(byJson.stat.rows), 'stat is the same')
  t.strictSame(timeless(byOtlp.edges.rows), timeless(byJson.edges.rows), 'edges are the same')

  const truth = countByHand()
  t.strictSame(
    Object.fromEntries(
      byJson.edges.rows.map((row) => [`${row.source.name} → ${row.destination.name}`, row.requests]),
    ),
    Object.fromEntries(truth.edges),
    'edges count what the file has',
  )
  t.strictSame(
    Object.fromEntries(byJson.stat.rows.map((row) => [row.name, row.requests])),
    Object.fromEntries([...truth.latencies].map(([name, all]) => [name, all.length])),
    'stat counts what the file has',
  )
  for (const { name, latencyMs } of byJson.stat.rows) {
    const exact = truth.latencies.get(name)!.toSorted((a, b) => a - b)
    for (const [quantile, got] of Object.entries(latencyMs!)) {
      const q = Number(quantile.slice(1)) / 100
      const micros = exact[Math.max(1, Math.ceil(q * exact.length)) - 1]!
      t.ok(Math.abs(got * 1000 - micros) <= 0.011 * micros, `${name} ${quantile}: ${got} ms for ${micros} µs`)
    }
  }
})

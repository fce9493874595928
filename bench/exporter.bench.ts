/**
 * /metrics of 10,000 and 100,000 series with a histogram each (and one more by route): samples a second of processor
 * time, peak memory, and the longest time that the event loop was held; beside prom-client, its successor
 * @prometheus-io/client, and client_golang where Go is there, with the same series.
 *
 * Each runs in a process of its own, since peaks of memory are a process's.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type * as promClient from 'prom-client'
import { LATENCY_BOUNDS } from '../src/exporter/families.ts'
import { Exposition } from '../src/exporter/exposition.ts'
import { MeshReader } from '../src/exporter/mesh-reader.ts'
import { MetricsPage } from '../src/exporter/metrics-page.ts'
import { chooseFormat } from '../src/exporter/negotiation.ts'
import { Pace } from '../src/exporter/pace.ts'
import { Progress } from '../src/exporter/progress.ts'
import type { Chunk } from '../src/exporter/sample-writer.ts'
import { EmbeddedRollupStore } from '../src/store/embedded/embedded-rollup-store.ts'
import { buildClientGolang, runClientGolang } from './client-golang.ts'
import { benchSeries, fillStore, NOW } from './exporter-series.ts'
import { report } from './figure.ts'
import { LoopHolds } from './loop-holds.ts'

const FORMATS = {
  text: 'text/plain',
  openmetrics: 'application/openmetrics-text',
  protobuf: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
} as const

interface Measured {
  readonly samples: number
  readonly cpuSeconds: number
  /** Of writing what is merged already. */
  readonly writeCpuSeconds?: number
  readonly blockMs: number
  readonly peakMiB: number
}

const ROUNDS = 6
const CLIENTS = ['prom-client', '@prometheus-io/client'] as const
type Client = (typeof CLIENTS)[number]
const CHILD = 'child'

const [, , mode, what = '', countText = '', path = ''] = process.argv
if (mode === CHILD) await child(what, Number(countText))
else await parent()

async function parent(): Promise<void> {
  const built = mkdtempSync(join(tmpdir(), 'meshtap-bench-'))
  const golang = buildClientGolang(built)
  for (const count of [10_000, 100_000]) {
    const path = mkdtempSync(join(tmpdir(), 'meshtap-bench-'))
    const store = await EmbeddedRollupStore.open({ path, now: () => NOW })
    await fillStore(store, count)
    await store.close()
    try {
      const written = new Map<string, number>()
      for (const format of [...Object.keys(FORMATS), ...CLIENTS]) {
        const worker = fork(import.meta.filename, [CHILD, format, String(count), path], {
          execArgv: ['--expose-gc'],
        })
        const exit = once(worker, 'exit')
        const measured = await Promise.race([
          once(worker, 'message').then(([message]) => message as Measured),
          exit.then(() => undefined),
        ])
        await exit
        const of = `exporter: ${format}, ${count} series`
        if (measured === undefined) {
          report({ figure: `${of}: it failed`, value: 0, unit: 'samples/s' })
          continue
        }
        const { samples, cpuSeconds, writeCpuSeconds, blockMs, peakMiB } = measured
        written.set(format, samples / (writeCpuSeconds ?? cpuSeconds))
        if (writeCpuSeconds !== undefined) {
          report({
            figure: `${of}: written`,
            value: samples / writeCpuSeconds,
            unit: 'samples/s',
            bar: '>= 4e6',
          })
        }
        const what = writeCpuSeconds === undefined ? 'written' : 'read, merged, written'
        report({ figure: `${of}: ${what}`, value: samples / cpuSeconds, unit: 'samples/s' })
        report({ figure: `${of}: samples`, value: samples, unit: 'samples' })
        report({ figure: `${of}: longest hold of the event loop`, value: blockMs, unit: 'ms', bar: '<= 5' })
        report({ figure: `${of}: peak memory over that before`, value: peakMiB, unit: 'MiB' })
      }
      const slowest = Math.min(...Object.keys(FORMATS).map((format) => written.get(format) ?? 0))
      const other = written.get('prom-client')
      if (other !== undefined) {
        const figure = `exporter: slowest format over prom-client, ${count} series: written`
        report({ figure, value: slowest / other, unit: 'times', bar: '>= 10' })
      }
      const of = `exporter: client_golang, ${count} series`
      if ('missing' in golang) {
        report({ figure: `${of}: left out, ${golang.missing}`, value: 0, unit: 'samples/s' })
        continue
      }
      const { samples, cpuSeconds, peakMiB } = await runClientGolang(golang.program, count)
      report({ figure: `${of}: written`, value: samples / cpuSeconds, unit: 'samples/s' })
      report({ figure: `${of}: peak memory, its series included`, value: peakMiB, unit: 'MiB' })
    } finally {
      rmSync(path, { recursive: true })
    }
  }
  rmSync(built, { recursive: true })
}

async function child(format: string, count: number): Promise<void> {
  const client = CLIENTS.find((name) => name === format)
  const measured = client === undefined ? await meshtap(format, count) : await otherClient(client, count)
  process.send?.(measured)
  process.disconnect()
}

async function meshtap(format: string, count: number): Promise<Measured> {
  const accept = FORMATS[format as keyof typeof FORMATS]
  const store = await EmbeddedRollupStore.open({ path, now: () => NOW })
  const page = new MetricsPage({ store, now: () => NOW, maxSeries: 2 * count })
  const asked = { parameters: new URLSearchParams(), accept, acceptEncoding: undefined }
  const run = async (onChunk: (chunk: Buffer) => void) => {
    const { body } = await page.answer(asked)
    // As to a client: into something that tells when a chunk is written.
    const client = new Writable({
      write(chunk: Buffer, _encoding, callback) {
        onChunk(chunk)
        setImmediate(callback)
      },
    })
    await pipeline(body as Readable, client)
  }
  globalThis.gc?.()
  const before = process.memoryUsage.rss()
  let peak = before
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5)
  let samples = 0
  await run((chunk) => {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) samples++
  })
  clearInterval(watch)
  // Protobuf has no lines: the text of the same.
  if (format === 'protobuf') samples = count * 2 * 30
  let cpuSeconds = Number.POSITIVE_INFINITY
  let blockMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const holds = new LoopHolds()
    const start = process.cpuUsage()
    await run(() => {})
    cpuSeconds = Math.min(cpuSeconds, secondsSince(start))
    blockMs = Math.min(blockMs, holds.stop())
  }
  let writeCpuSeconds = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++)
    writeCpuSeconds = Math.min(writeCpuSeconds, await written(store, accept))
  await store.close()
  return { samples, cpuSeconds, writeCpuSeconds, blockMs, peakMiB: (peak - before) / 2 ** 20 }
}

async function written(store: EmbeddedRollupStore, accept: string): Promise<number> {
  const writer = chooseFormat(accept)
  const pace = new Pace()
  const options = {
    store,
    selection: {},
    progress: new Progress(),
    writer,
    pace,
    maxSeries: 1e6,
    now: () => NOW,
  }
  const mesh = await MeshReader.open(options)
  const workloads = await all(await mesh.read('workload'))
  const routes = await all(await mesh.read('route'))
  const exposition = new Exposition(writer, pace)
  // As the page does when they are sent.
  const sent = async (chunks: AsyncIterable<Chunk>) => {
    for await (const chunk of chunks) writer.reuse(chunk)
  }
  const start = process.cpuUsage()
  for (const scopes of workloads) await sent(exposition.workloads(scopes))
  for (const scopes of routes) await sent(exposition.routes(scopes))
  await sent(exposition.end())
  return secondsSince(start)
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const value of values) found.push(value)
  return found
}

/** prom-client and its successor hold what they count: only their exposition is measured. */
async function otherClient(client: Client, count: number): Promise<Measured> {
  // What is used of them is the same in both.
  const { Counter, Histogram, Registry } =
    client === 'prom-client'
      ? await import('prom-client')
      : ((await import('@prometheus-io/client')) as unknown as typeof promClient)
  const registry = new Registry()
  globalThis.gc?.()
  const before = process.memoryUsage.rss()
  const labelNames = [
    'direction',
    'cluster',
    'namespace',
    'deployment',
    'workload',
    'pod',
    'dst_service',
    'authority',
    'tls',
  ]
  const levels = ['', 'route_'].map((level) => {
    const names = level === '' ? labelNames : [...labelNames, 'rt_route', 'method']
    const on = { help: 'help', registers: [registry] }
    return {
      requests: new Counter({ ...on, name: `${level}request_total`, labelNames: names }),
      responses: new Counter({
        ...on,
        name: `${level}response_total`,
        labelNames: [...names, 'status_code', 'classification'],
      }),
      latency: new Histogram({
        ...on,
        name: `${level}response_latency_ms`,
        labelNames: names,
        buckets: [...LATENCY_BOUNDS],
      }),
      more: level === '' ? {} : { rt_route: '/api/list', method: 'GET' },
    }
  })
  for (const { namespace, name, pod, latencies } of benchSeries(count)) {
    const labels = {
      direction: 'inbound',
      cluster: 'east',
      namespace,
      deployment: name,
      workload: `deployment/${name}`,
      pod,
      dst_service: name,
      authority: `${name}.${namespace}.svc.cluster.local:8080`,
      tls: 'true',
    }
    for (const { requests, responses, latency, more } of levels) {
      const own = { ...labels, ...more }
      requests.inc(own, latencies.length)
      responses.inc({ ...own, status_code: '200', classification: 'success' }, latencies.length)
      const of = latency.labels(own)
      for (const micros of latencies) of.observe(micros / 1000)
    }
  }
  const holds = new LoopHolds()
  const start = process.cpuUsage()
  const text = await registry.metrics()
  const cpuSeconds = secondsSince(start)
  const blockMs = holds.stop()
  return {
    samples: text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length,
    cpuSeconds,
    blockMs,
    peakMiB: (process.resourceUsage().maxRSS * 1024 - before) / 2 ** 20,
  }
}

function secondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}

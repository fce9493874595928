import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { installWheel } from '../../stack/wheel.ts'
import { connection, request, times } from '../query/events.ts'
import { storeOf } from '../query/world.ts'
import { OPENMETRICS, pageOf, samplesOf, scrape } from './scrape.ts'

/** Prometheus' own client for Python, whose parser of OpenMetrics is the reference. */
const WHEEL = 'prometheus_client==0.26.0'

const SCRIPT = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text
text_in = sys.stdin.buffer.read().decode('utf-8')
parse = openmetrics if sys.argv[1] == 'openmetrics' else text
json.dump([[s.name, s.labels, s.value] for f in parse(text_in) for s in f.samples], sys.stdout)
`

t.test('the reference parsers read what is written, and read the same', async (t) => {
  const { python, directory } = await installWheel(
    WHEEL,
    'the reference parser of OpenMetrics is missing: prometheus_client for Python',
  )
  const hostile = [
    '"',
    '\\',
    '\n',
    '\\n',
    'é\u{1f600}',
    '\ud800',
    '\u0000\r\u2028',
    'x'.repeat(10_000),
    '"} 1\n# EOF\n',
  ]
  const events = [
    ...hostile.map((route, i) =>
      request('web', 'voting', { route, authority: route, status: 200 + i, latencyMicros: 10 ** i }),
    ),
    ...times(20, (i) => connection('web', 'voting', { open: i, opened: 2 ** 48, readBytes: i })),
  ]
  const page = pageOf(await storeOf(events))
  for (const [format, accept] of [
    ['openmetrics', OPENMETRICS],
    ['text', 'text/plain'],
  ] as const) {
    const { body } = await scrape(page, { accept })
    const running = promisify(execFile)(python, ['-c', SCRIPT, format], {
      env: { ...process.env, PYTHONPATH: directory },
      maxBuffer: 64 * 1024 * 1024,
    })
    running.child.stdin?.end(body)
    const read = JSON.parse((await running).stdout) as [string, Record<string, string>, number][]
    const own = await samplesOf(page, { isOpenMetrics: format === 'openmetrics' })
    const id = (name: string, labels: Readonly<Record<string, string>>, value: number) =>
      JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)), value])
    t.strictSame(
      read.map((sample) => id(...sample)).toSorted(),
      own.map(({ name, labels, value }) => id(name, labels, value)).toSorted(),
      format,
    )
    t.ok(read.length > 100)
  }
})

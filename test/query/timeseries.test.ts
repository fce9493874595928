import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import { parseStatRequest, parseTimeseriesRequest } from '../../src/query/requests.ts'
import { bothSides, request, times } from './events.ts'
import { engineOn, NOW, type WorldOptions } from './world.ts'

async function timeseries(events: readonly MeshEvent[], parameters: Parameters, options: WorldOptions = {}) {
  return (await engineOn(events, options)).timeseries(parseTimeseriesRequest(parameters))
}

t.test('a point is what stat says of its step; the last one is of the time that has passed', async (t) => {
  const events = [
    ...times(20, () => request('bot', 'web', { ago: 30 })),
    ...times(10, () => request('bot', 'web', { ago: 7, status: 500, latencyMicros: 8000 })),
    ...times(5, () => request('bot', 'web', { ago: 1 })),
    request('bot', 'emoji', { ago: 1 }),
    request('web', 'emoji', { ago: 1, direction: 'outbound' }),
  ]
  const answer = await timeseries(events, { resource: 'deploy/web', window: '30s' })
  t.equal(answer.stepSeconds, 10)
  t.equal(answer.series.length, 1)
  const { points, ...of } = answer.series[0]!
  t.strictSame(of, { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'web' })
  t.strictSame(
    points.map(({ time, requests, success, rps }) => ({ time: time.slice(14, 19), requests, success, rps })),
    [
      { time: '00:00', requests: 20, success: 1, rps: 2 },
      { time: '00:10', requests: 0, success: null, rps: 0 },
      { time: '00:20', requests: 10, success: 0, rps: 1 },
      { time: '00:30', requests: 5, success: 1, rps: 1 },
    ],
  )
  t.equal(points[1]!.latencyMs, null)
  t.ok(Math.abs(points[2]!.latencyMs!.p99 - 8) <= 0.09)
})

t.test('steps begin at multiples of their length, and sum up to what stat counts', async (t) => {
  const events = times(600, (i) => request('bot', 'web', { ago: 3 * i + 0.5 }))
  const engine = await engineOn(events)
  for (const [window, step, count] of [
    ['5m', '20s', 16],
    ['5m', '50s', 7],
    ['20m', '3m', 8],
    ['7h', '1h', 8],
  ] as const) {
    const answer = await engine.timeseries(parseTimeseriesRequest({ resource: 'deploy/web', window, step }))
    const { points } = answer.series[0]!
    t.equal(points.length, count, `${window} by ${step}`)
    for (const { time } of points) t.equal((Date.parse(time) / 1000) % answer.stepSeconds, 0)
    const inWindow = events.filter(({ timeMs }) => timeMs >= Date.parse(answer.window.from)).length
    t.equal(
      points.reduce((sum, { requests }) => sum + requests, 0),
      inWindow,
    )
  }
})

t.test('of a first step that is no longer kept whole, the rate is of what is', async (t) => {
  // One request a second. Of the step from 09:48 to 09:52 all before 09:50:40 has expired or may do so any time.
  const events = times(800, (i) => request('bot', 'web', { ago: i + 0.5 }))
  const answer = await timeseries(
    events,
    { resource: 'deploy/web', window: '10m', step: '4m' },
    { nowMs: NOW + 4000 },
  )
  t.strictSame(
    answer.series[0]!.points.map(({ time, requests, rps }) => ({ time: time.slice(11, 19), requests, rps })),
    [
      { time: '09:48:00', requests: 80, rps: 1 },
      { time: '09:52:00', requests: 240, rps: 1 },
      { time: '09:56:00', requests: 240, rps: 1 },
      { time: '10:00:00', requests: 35, rps: 1 },
    ],
  )
})

t.test('a step that has only just begun does not show a peak', async (t) => {
  const nowMs = NOW - 5000 + 20
  const answer = await timeseries(
    [request('bot', 'web', { timeMs: nowMs - 10 })],
    { resource: 'deploy/web' },
    { nowMs, watermarkMs: nowMs },
  )
  t.strictSame(answer.series[0]!.points.at(-1), {
    time: '2026-11-24T10:00:30.000Z',
    requests: 1,
    success: 1,
    rps: 1,
    latencyMs: answer.series[0]!.points.at(-1)!.latencyMs,
  })
  const even = NOW - 5000
  const whole = await timeseries(
    [request('bot', 'web', { timeMs: even - 10 })],
    { resource: 'deploy/web' },
    { nowMs: even, watermarkMs: even },
  )
  t.equal(whole.series[0]!.points.at(-1)!.time, '2026-11-24T10:00:20.000Z', 'no step of no length')
})

t.test('series are by resource, of all that had requests', async (t) => {
  const events = [
    ...bothSides('bot', 'web'),
    ...bothSides('web', 'emoji'),
    ...bothSides('web', 'shop/statefulset:db'),
  ]
  const names = async (parameters: Parameters) =>
    (await timeseries(events, parameters)).series.map(({ kind, name }) => `${kind}/${name}`)
  t.strictSame(await names({ resource: 'all' }), ['deployment/emoji', 'deployment/web', 'statefulset/db'])
  t.strictSame(await names({ resource: 'deploy', from: 'deploy/web' }), ['deployment/emoji'])
  t.strictSame(await names({ resource: 'ns' }), ['namespace/emojivoto', 'namespace/shop'])
  t.strictSame(await names({ resource: 'svc' }), ['service/emoji-svc', 'service/web-svc', 'service/db-svc'])
})

t.test('an answer that would be too large is refused with what to do', async (t) => {
  const events = times(1700, (i) => request('bot', `web${i}`))
  const engine = await engineOn(events)
  await t.rejects(engine.timeseries(parseTimeseriesRequest({ resource: 'deploy', window: '10m' })), {
    name: 'RequestError',
    parameter: 'step',
    message: /^1700 series of \d+ points are more than 100000 points; name a resource/,
  })
  t.equal((await engine.stat(parseStatRequest({ resource: 'deploy' }))).rows.length, 1700)
})

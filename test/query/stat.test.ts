import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import type { StatRow } from '../../src/query/answer.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import type { QueryEngine } from '../../src/query/query-engine.ts'
import { parseStatRequest } from '../../src/query/requests.ts'
import { bothSides, connection, request, times } from './events.ts'
import { engineOf, engineOn, NOW, storeOf, type WorldOptions } from './world.ts'

/** Rows as `kind/name requests/failures`, with the namespace where it is not emojivoto. */
function short({ namespace, kind, name, requests, failures }: StatRow): string {
  const place = namespace === 'emojivoto' || namespace === '' ? '' : `${namespace}/`
  return `${place}${kind}/${name} ${requests}/${failures}`
}

async function rows(
  events: readonly MeshEvent[],
  parameters: Parameters,
  options: WorldOptions = {},
): Promise<readonly StatRow[]> {
  const engine = await engineOn(events, options)
  return (await engine.stat(parseStatRequest(parameters))).rows
}

t.test('a row is the sum of what its pods received, each figure by the definition', async (t) => {
  const events = [
    ...times(90, () => request('bot', 'web', { latencyMicros: 1000 })),
    ...times(8, () =>
      request('bot', 'web', { latencyMicros: 20_000, ago: 40, destination: { pod: 'web-2' } }),
    ),
    ...times(2, () => request('bot', 'web', { latencyMicros: 300_000, status: 503 })),
  ]
  const [row, ...others] = await rows(events, { resource: 'deploy/web' })
  t.equal(others.length, 0)
  const { latencyMs, ...figures } = row!
  t.strictSame(figures, {
    cluster: 'east',
    namespace: 'emojivoto',
    kind: 'deployment',
    name: 'web',
    success: 0.98,
    // From 09:59:30, the bucket of a minute before 10:00:35.
    rps: 100 / 65,
    requests: 100,
    failures: 2,
    tcpOpen: null,
    readBytesPerSecond: null,
    writeBytesPerSecond: null,
    meshed: 2,
    pods: null,
  })
  const near = (got: number, want: number) =>
    t.ok(Math.abs(got - want) <= 0.011 * want, `${got} is about ${want}`)
  near(latencyMs!.p50, 1)
  near(latencyMs!.p95, 20)
  near(latencyMs!.p99, 300)
})

t.test('rows are grouped by the kind asked for, and only what matches is counted', async (t) => {
  const events = [
    request('bot', 'web'),
    request('bot', 'web', { destination: { pod: 'web-2' } }),
    request('bot', 'emoji', { status: 500 }),
    request('web', 'shop/cart'),
    request('web', 'shop/statefulset:redis'),
    request('web', 'shop/cart', { destination: { cluster: 'west' } }),
  ]
  const check = async (parameters: Parameters, want: readonly string[]) =>
    t.strictSame((await rows(events, parameters)).map(short), want, JSON.stringify(parameters))
  await check({ resource: 'deploy' }, [
    'deployment/emoji 1/1',
    'deployment/web 2/0',
    'shop/deployment/cart 1/0',
    'shop/deployment/cart 1/0',
  ])
  await check({ resource: 'deploy', namespace: 'shop', cluster: 'west' }, ['shop/deployment/cart 1/0'])
  await check({ resource: 'sts' }, ['shop/statefulset/redis 1/0'])
  await check({ resource: 'deploy/web' }, ['deployment/web 2/0'])
  await check({ resource: 'pod', namespace: 'emojivoto' }, [
    'pod/emoji-1 1/1',
    'pod/web-1 1/0',
    'pod/web-2 1/0',
  ])
  await check({ resource: 'cluster' }, ['cluster/east 5/1', 'cluster/west 1/0'])
  await check({ resource: 'authority' }, [])
  const namespaces = await rows(events, { resource: 'ns' })
  t.strictSame(
    namespaces.map(({ cluster, namespace, name, requests }) => [cluster, namespace, name, requests]),
    [
      ['east', 'emojivoto', 'emojivoto', 3],
      ['east', 'shop', 'shop', 2],
      ['west', 'shop', 'shop', 1],
    ],
  )
})

t.test('what a resource receives is what its own proxies say, not what its clients do', async (t) => {
  const events = [...bothSides('bot', 'web'), request('web', 'emoji', { direction: 'outbound' })]
  t.strictSame((await rows(events, { resource: 'deploy' })).map(short), [
    'deployment/bot 0/0',
    'deployment/web 1/0',
  ])
  const [bot] = await rows(events, { resource: 'deploy/bot' })
  t.match(
    bot,
    { success: null, rps: null, latencyMs: null, meshed: 1 },
    'who only sends is there all the same',
  )
})

t.test('to and from count what goes between two resources, once, from the source’s side', async (t) => {
  const events = [
    ...bothSides('web', 'emoji'),
    ...bothSides('web', 'emoji', { status: 500 }),
    ...bothSides('web', 'voting'),
    ...bothSides('bot', 'web'),
    ...bothSides('shop/cart', 'emoji'),
    // A client without a proxy: only the destination reports it.
    request('legacy', 'emoji'),
    // Another that only the source reports.
    request('web', 'shop/ext', { direction: 'outbound' }),
  ]
  const check = async (parameters: Parameters, want: readonly string[]) =>
    t.strictSame((await rows(events, parameters)).map(short), want, JSON.stringify(parameters))
  const emojivoto = { namespace: 'emojivoto' }
  await check({ resource: 'deploy/web', ...emojivoto, to: 'deploy/emoji' }, ['deployment/web 2/1'])
  await check({ resource: 'deploy', ...emojivoto, to: 'deploy/emoji' }, [
    'deployment/legacy 1/0',
    'deployment/web 2/1',
  ])
  await check({ resource: 'deploy', to: 'deploy/emoji' }, [
    'deployment/legacy 1/0',
    'deployment/web 2/1',
    'shop/deployment/cart 1/0',
  ])
  await check({ resource: 'deploy/web', ...emojivoto, to: 'deploy/ext', to_namespace: 'shop' }, [
    'deployment/web 1/0',
  ])
  await check({ resource: 'deploy', ...emojivoto, from: 'deploy/web' }, [
    'deployment/emoji 2/1',
    'deployment/voting 1/0',
  ])
  await check({ resource: 'deploy', from: 'deploy/web', from_namespace: 'emojivoto' }, [
    'deployment/emoji 2/1',
    'deployment/voting 1/0',
    'shop/deployment/ext 1/0',
  ])
  await check({ resource: 'deploy', from: 'ns/shop' }, ['deployment/emoji 1/0'])
  await check({ resource: 'deploy', from: 'deploy/legacy' }, ['deployment/emoji 1/0'])
  await check({ resource: 'svc', from: 'deploy/web' }, [
    'service/emoji-svc 2/1',
    'service/voting-svc 1/0',
    'shop/service/ext-svc 1/0',
  ])
  await check({ resource: 'deploy', to: 'svc/emoji-svc' }, [
    'deployment/legacy 1/0',
    'deployment/web 2/1',
    'shop/deployment/cart 1/0',
  ])
  await check({ resource: 'pod', to: 'deploy/emoji' }, ['pod/web-1 2/1', 'shop/pod/cart-1 1/0'])
  await check({ resource: 'pod', from: 'deploy/legacy' }, ['pod/emoji-1 1/0'])
  await check({ resource: 'deploy', to: 'pod/emoji-1' }, [
    'deployment/legacy 1/0',
    'deployment/web 2/1',
    'shop/deployment/cart 1/0',
  ])
  await check({ resource: 'deploy', from: 'pod/web-1' }, [
    'deployment/emoji 2/1',
    'deployment/voting 1/0',
    'shop/deployment/ext 1/0',
  ])
  await check({ resource: 'ns', from: 'ns/emojivoto' }, [
    'namespace/emojivoto 5/1',
    'shop/namespace/shop 1/0',
  ])
})

t.test('a service, authority or route is seen from its own side where anyone there reports it', async (t) => {
  const authority = 'web-svc:80'
  const events = [
    ...bothSides('bot', 'web', { authority, route: 'GET /' }),
    request('legacy', 'web', { authority, route: 'GET /' }),
    request('web', 'db', { direction: 'outbound', authority: 'db:5432', route: 'GET /' }),
    request('bot', 'db', { direction: 'outbound', authority: 'db:5432', route: 'query', status: 500 }),
  ]
  const check = async (parameters: Parameters, want: readonly string[]) =>
    t.strictSame((await rows(events, parameters)).map(short), want, JSON.stringify(parameters))
  await check({ resource: 'svc' }, ['service/db-svc 2/1', 'service/web-svc 2/0'])
  await check({ resource: 'au' }, ['authority/db:5432 2/1', 'authority/web-svc:80 2/0'])
  await check({ resource: 'route' }, ['route/GET / 3/0', 'route/query 1/1'])
  await check({ resource: 'svc/web-svc', namespace: 'emojivoto' }, ['service/web-svc 2/0'])
  const [service] = await rows(events, { resource: 'svc/web-svc' })
  t.equal(service!.meshed, null, 'a service has no proxies of its own')
})

t.test('the two proxies of a request may name its route differently: it is counted once', async (t) => {
  const events = [
    request('bot', 'web', { direction: 'outbound', route: 'users' }),
    request('bot', 'web', { direction: 'inbound', route: 'GET /users/:id' }),
    request('legacy', 'web', { direction: 'inbound', route: 'GET /users/:id' }),
  ]
  const routes = async (parameters: Parameters) =>
    (await rows(events, { resource: 'route', ...parameters })).map(short)
  t.strictSame(await routes({}), ['route/GET /users/:id 2/0'])
  t.strictSame(await routes({ from: 'deploy' }), ['route/GET /users/:id 1/0', 'route/users 1/0'])
  t.strictSame((await rows(events, { resource: 'deploy', to: 'route/users' })).map(short), [
    'deployment/bot 1/0',
  ])
})

t.test('all is every workload, pod, service and authority', async (t) => {
  const events = [request('bot', 'web', { authority: 'web:80' }), request('web', 'statefulset:redis')]
  t.strictSame((await rows(events, { resource: 'all' })).map(short), [
    'authority/web:80 1/0',
    'deployment/web 1/0',
    'pod/redis-1 1/0',
    'pod/web-1 1/0',
    'service/redis-svc 1/0',
    'service/web-svc 1/0',
    'statefulset/redis 1/0',
  ])
  const hour = (await rows(events, { resource: 'all', window: '7h' })).map(({ kind }) => kind)
  t.notOk(hour.includes('pod'), 'pods are not kept apart for so long')
})

function day(time: string): string {
  return `2026-11-24T${time}.000Z`
}

t.test('the window ends with the newest event and begins with a whole bucket', async (t) => {
  const events = times(40, (i) => request('bot', 'web', { ago: 10 * i }))
  const check = async (
    window: string,
    options: WorldOptions,
    want: { readonly from: string; readonly to: string; readonly seconds: number; readonly requests: number },
  ) => {
    const engine = await engineOn(events, options)
    const answer = await engine.stat(parseStatRequest({ resource: 'deploy/web', window }))
    const { from, to, seconds } = answer.window
    t.strictSame({ from, to, seconds, requests: answer.rows[0]?.requests }, want, window)
  }
  // One event every 10 s, at :35, :25, …: one in each bucket.
  await check('10s', {}, { from: day('10:00:20'), to: day('10:00:35'), seconds: 15, requests: 2 })
  await check('1m', {}, { from: day('09:59:30'), to: day('10:00:35'), seconds: 65, requests: 7 })
  await check('5m', {}, { from: day('09:55:30'), to: day('10:00:35'), seconds: 305, requests: 31 })
  // Folding is behind: the window ends where it has come to, but at most 10 s ago.
  await check(
    '1m',
    { watermarkMs: NOW - 4000 },
    {
      from: day('09:59:30'),
      to: day('10:00:31'),
      seconds: 61,
      requests: 7,
    },
  )
  await check(
    '1m',
    { watermarkMs: NOW - 60_000 },
    {
      from: day('09:59:20'),
      to: day('10:00:25'),
      seconds: 65,
      requests: 7,
    },
  )
  // A proxy's clock is ahead: the window never is.
  await check(
    '1m',
    { watermarkMs: NOW + 60_000 },
    {
      from: day('09:59:30'),
      to: day('10:00:35'),
      seconds: 65,
      requests: 7,
    },
  )
  // The oldest bucket of the 10 s tier expires within two seconds: it is left out, and so the window is shorter.
  await check(
    '10m',
    { nowMs: NOW + 4000 },
    {
      from: day('09:50:40'),
      to: day('10:00:35'),
      seconds: 595,
      requests: 40,
    },
  )
})

t.test('a window of a higher tier adds the buckets that are still open, and nothing twice', async (t) => {
  // One request every 10 s for two hours; the last three buckets are open.
  const events = times(720, (i) => request('bot', 'web', { ago: 10 * i }))
  const check = async (engine: QueryEngine, window: string, want: { seconds: number; requests: number }) => {
    const answer = await engine.stat(parseStatRequest({ resource: 'deploy/web', window }))
    t.strictSame({ seconds: answer.window.seconds, requests: answer.rows[0]?.requests }, want, window)
    t.equal(answer.rows[0]?.meshed, 1)
  }
  for (const closedAgo of [0, 20, 120]) {
    // From 09:00:00 and 08:30:00.
    const engine = await engineOn(events, { closedThroughMs: NOW - 5000 - closedAgo * 1000 })
    await check(engine, '1h', { seconds: 3635, requests: 364 })
    await check(engine, '90m', { seconds: 5435, requests: 544 })
    await check(engine, '7h', { seconds: 25_235, requests: 720 })
  }
})

t.test('meshed counts the pods that reported anything in the last minute', async (t) => {
  const events = [
    request('bot', 'web', { ago: 59, destination: { pod: 'web-1' } }),
    request('bot', 'web', { ago: 61, destination: { pod: 'web-2' } }),
    request('web', 'emoji', { direction: 'outbound', ago: 30, source: { pod: 'web-3' } }),
    connection('bot', 'web', { ago: 5, open: 1, destination: { pod: 'web-4' } }),
    connection('bot', 'web', {
      ago: 5,
      open: 1,
      destination: { pod: 'web-4' },
      direction: 'inbound',
      tls: true,
    }),
    request('bot', 'shop/web', { ago: 5 }),
  ]
  const check = async (parameters: Parameters, want: readonly (number | null)[]) => {
    const got = (await rows(events, parameters)).map(({ meshed }) => meshed)
    t.strictSame(got, want, JSON.stringify(parameters))
  }
  await check({ resource: 'deploy/web', namespace: 'emojivoto' }, [3])
  await check({ resource: 'deploy/web', namespace: 'emojivoto', window: '10s' }, [3])
  await check({ resource: 'deploy/web', namespace: 'emojivoto', window: '7h' }, [3])
  await check({ resource: 'ns' }, [3, 1])
  await check({ resource: 'cluster' }, [4])
  await check({ resource: 'pod', namespace: 'emojivoto' }, [1, 0, 1, 1])
  await check({ resource: 'deploy/web', namespace: 'emojivoto', to: 'deploy/emoji' }, [3])
})

async function open(
  events: readonly MeshEvent[],
  parameters: Parameters = {},
  options: WorldOptions = {},
): Promise<readonly (number | null)[]> {
  return (await rows(events, { resource: 'deploy/web', ...parameters }, options)).map(
    ({ tcpOpen }) => tcpOpen,
  )
}

function pod(name: string): { readonly destination: { readonly pod: string } } {
  return { destination: { pod: name } }
}

t.test('open connections are what each proxy last said, if it did in the last minute', async (t) => {
  t.strictSame(await open([request('bot', 'web')]), [null], 'no proxy reports connections')
  t.strictSame(
    await open([
      connection('bot', 'web', { ago: 20, open: 7 }),
      connection('bot', 'web', { ago: 5, open: 3 }),
    ]),
    [3],
    'the latest counts',
  )
  t.strictSame(
    await open([
      connection('bot', 'web', { ago: 20, open: 7, ...pod('a') }),
      connection('bot', 'web', { ago: 5, open: 3, ...pod('b') }),
      connection('emoji', 'web', { ago: 5, open: 2, ...pod('b') }),
      connection('web', 'emoji', { ago: 5, open: 100, direction: 'outbound' }),
    ]),
    [12],
    'one register a series; only inbound ones',
  )
  t.strictSame(
    await open([connection('bot', 'web', { ago: 65, open: 7 }), request('bot', 'web')], { window: '5m' }),
    [null],
    'a proxy not heard of for a minute is forgotten',
  )
  t.strictSame(
    await open([connection('bot', 'web', { ago: 5, open: 0 })]),
    [0],
    'none open is not the same as not known',
  )
  t.strictSame(
    await open(
      [connection('bot', 'web', { ago: 5, open: 4 }), connection('web', 'bot', { ago: 5, open: 1 })],
      {
        window: '7h',
      },
    ),
    [4],
    'told from the last minute’s buckets in any window',
  )
  const between = [
    connection('web', 'emoji', { direction: 'outbound', open: 5 }),
    connection('web', 'emoji', { direction: 'inbound', open: 6 }),
  ]
  t.strictSame(await open(between, { to: 'deploy/emoji' }), [5])
})

t.test(
  'a proxy that reports only connections does not hide requests that the other side reports',
  async (t) => {
    const events = [
      connection('web', 'emoji', { direction: 'outbound', open: 5, readBytes: 65 }),
      request('web', 'emoji', { direction: 'inbound' }),
      request('web', 'db', { direction: 'outbound' }),
      connection('web', 'db', { direction: 'inbound', open: 3 }),
    ]
    t.match(await rows(events, { resource: 'deploy/web', to: 'deploy/emoji' }), [
      { requests: 1, tcpOpen: 5, readBytesPerSecond: 1 },
    ])
    t.match(await rows(events, { resource: 'svc/db-svc' }), [
      { requests: 1, tcpOpen: 3, readBytesPerSecond: 0 },
    ])
  },
)

t.test('of a proxy that never says how many are open, it is openings less closings since ever', async (t) => {
  const events = [
    connection('bot', 'web', { ago: 1800, opened: 10, closed: 1 }),
    connection('bot', 'web', { ago: 300, closed: 4 }),
    connection('bot', 'web', { ago: 15, opened: 2 }),
  ]
  t.strictSame(await open(events), [7], 'totals and open buckets')
  t.strictSame(await open(events, {}, { closedThroughMs: NOW - 5000 }), [7], 'all in the totals')
  t.strictSame(await open(events.slice(0, 2)), [], 'not heard of for a minute')
  t.strictSame(await open([connection('bot', 'web', { ago: 15, closed: 2 })]), [0], 'never below none')
  t.strictSame(
    await open([...events, connection('emoji', 'web', { ago: 15, open: 5 })]),
    [12],
    'beside one that does say',
  )
  t.strictSame(
    await open([connection('bot', 'web', { ago: 1800, open: 3 }), ...events]),
    [null],
    'one that said so once is no longer trusted',
  )
})

async function bytes(events: readonly MeshEvent[]): Promise<unknown> {
  return (await rows(events, { resource: 'deploy/web' })).map((row) => [
    row.readBytesPerSecond,
    row.writeBytesPerSecond,
  ])
}

t.test('bytes a second are those of connections, and unknown where no proxy reports any', async (t) => {
  t.strictSame(await bytes([request('bot', 'web', { requestBytes: 1000, responseBytes: 1000 })]), [
    [null, null],
  ])
  t.strictSame(
    await bytes([
      request('bot', 'web', { requestBytes: 1000, responseBytes: 1000 }),
      connection('bot', 'web', { readBytes: 650, open: 1 }),
      connection('bot', 'web', { readBytes: 650, writtenBytes: 130, destination: { pod: 'web-2' } }),
      connection('bot', 'web', { readBytes: 9999, ago: 90 }),
    ]),
    [[20, 2]],
  )
  t.strictSame(await bytes([connection('bot', 'web', { open: 1 })]), [[0, 0]])
})

t.test(
  'requests beyond the limit of series are named in partial, and in no row finer than a namespace',
  async (t) => {
    const limits = { perScope: 2, overall: 1000, scopes: 10 }
    const events = ['a', 'b', 'c', 'd'].map((name) => request('bot', name))
    const engine = await engineOn(events, { limits })
    const deployments = await engine.stat(parseStatRequest({ resource: 'deploy', namespace: 'emojivoto' }))
    t.strictSame(deployments.rows.map(short), ['deployment/a 1/0', 'deployment/b 1/0'])
    t.strictSame(
      deployments.partial.map(({ source }) => source),
      ['east/emojivoto'],
    )
    t.match(deployments.partial[0]!.reason, /^2 reports of requests are beyond the limit of series/)
    const namespaces = await engine.stat(parseStatRequest({ resource: 'ns' }))
    t.strictSame(namespaces.rows.map(short), ['namespace/emojivoto 4/0'])
    t.strictSame(namespaces.partial, [])
  },
)

t.test('the watermark is what every partition has reached', async (t) => {
  const store = await storeOf([request('bot', 'web')], { watermarkMs: NOW - 3000 })
  const other = await storeOf([request('bot', 'web')], { watermarkMs: NOW - 7000 })
  const answer = await engineOf({ one: store, other }).stat(parseStatRequest({ resource: 'deploy' }))
  t.equal(answer.watermark, '2026-11-24T10:00:28.000Z')
  t.equal(answer.window.to, '2026-11-24T10:00:32.000Z')
  t.equal(answer.rows[0]!.requests, 2, 'stores are merged')
})

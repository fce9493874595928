import t from 'tap'
import { painter } from '../../../src/cli/printers/paint.ts'
import { TapCompact } from '../../../src/cli/printers/tap-compact.ts'
import { TapLines } from '../../../src/cli/printers/tap-lines.ts'
import { tapEventOf } from '../../../src/cli/tap/tap-event.ts'
import type { TapEventAnswer } from '../../../src/query/answer.ts'
import { tapEvent } from '../answers.ts'

const WEB = {
  cluster: 'east',
  namespace: 'emojivoto',
  kind: 'deployment',
  name: 'web',
  pod: 'web-7c8d-x2k',
  service: 'web-svc',
  ip: '10.1.2.3',
  port: 8080,
  identity: 'web.emojivoto',
}

function lines(event: Partial<TapEventAnswer>, withLabels = false): string {
  return new TapLines({ withLabels }).print(tapEventOf(tapEvent(event)), 0)
}

t.test('a request is the three lines that Linkerd has for it', async (t) => {
  t.equal(
    lines({}),
    `req id=0:0 proxy=out src=0.0.0.1:0 dst=[ff01::1]:0 tls=true :method=GET :authority=localhost :path=/some/path
rsp id=0:0 proxy=out src=0.0.0.1:0 dst=[ff01::1]:0 tls=true :status=200 latency=110000000µs
end id=0:0 proxy=out src=0.0.0.1:0 dst=[ff01::1]:0 tls=true grpc-status=Code(666) duration=0µs response-length=1337B
`,
  )
  t.match(lines({ direction: 'inbound' }), /^req id=0:0 proxy=in {2}src=/)
  t.match(Buffer.from(lines({})).includes(Buffer.from([0xc2, 0xb5, 0x73])), true, 'µ is U+00B5')
})

t.test('the end of a request says how it ended', async (t) => {
  const end = (event: Partial<TapEventAnswer>) => / tls=\S* (.*)\n$/.exec(lines(event))![1]
  const bare = { status: undefined, grpcStatus: undefined, latencyMicros: 1234, responseBytes: 0 }
  t.equal(end({ ...bare, status: 200 }), 'duration=0µs response-length=0B')
  t.equal(end({ ...bare, status: 200, grpcStatus: 0 }), 'grpc-status=OK duration=0µs response-length=0B')
  t.equal(
    end({ ...bare, status: 200, grpcStatus: 14 }),
    'grpc-status=Unavailable duration=0µs response-length=0B',
  )
  t.equal(end({ ...bare, reset: true }), 'reset-error=unknown duration=1234µs response-length=0B')
  t.equal(
    end({ ...bare, reset: true, reason: 'U C' }),
    'reset-error=U\\x20C duration=1234µs response-length=0B',
  )
  t.equal(lines({ ...bare, reset: true }).split('\n').length, 3, 'without a response there is no rsp')
})

t.test('an end without a known address has the most precise name there is', async (t) => {
  const src = (source: unknown) => / src=(\S+)/.exec(lines({ source }))![1]
  t.equal(src(WEB), '10.1.2.3:8080')
  t.equal(src({ pod: 'web-7c8d-x2k', name: 'web', port: 80 }), 'web-7c8d-x2k:80')
  t.equal(src({ name: 'web', service: 'web-svc' }), 'web:0')
  t.equal(src({ service: 'web-svc' }), 'web-svc:0')
  t.equal(src({}), '-:0')
  t.equal(src(undefined), '-:0')
  t.equal(src({ ip: '::1', port: 80 }), '[::1]:80')
  t.match(lines({ tls: undefined }), / tls= :method/)
  t.match(lines({ tls: false }), / tls=false :method/)
})

t.test('wide lines have the labels of both ends in order, and the route', async (t) => {
  const text = lines({ source: { ip: '0.0.0.1' }, destination: WEB, route: '/some/:id', status: 200 }, true)
  const labels =
    'dst_cluster=east dst_deployment=web dst_namespace=emojivoto dst_pod=web-7c8d-x2k dst_server_id=web.emojivoto ' +
    'dst_service=web-svc rt_route=/some/:id'
  for (const line of text.trimEnd().split('\n')) t.ok(line.endsWith(` ${labels}`), line)
  t.match(
    lines({ source: { ...WEB, kind: undefined } }, true),
    / src_client_id=web.emojivoto .*src_workload=web /,
  )
})

t.test('ids count the connections to the gateway, and the requests on each', async (t) => {
  const printer = new TapLines({ withLabels: false })
  const id = (connection: number) => / id=(\S+)/.exec(printer.print(tapEventOf(tapEvent()), connection))![1]
  t.strictSame([id(0), id(0), id(1), id(1), id(2)], ['0:0', '0:1', '1:0', '1:1', '2:0'])
})

t.test('what comes from outside cannot break a line', async (t) => {
  const text = lines({ path: '/a\nreq id=9:9', authority: '\u001b[31m', source: { pod: 'a b' } })
  t.equal(text.split('\n').length, 4)
  t.match(text, /:authority=\\x1b\[31m :path=\/a\\x0areq id=9:9\n/)
  t.match(text, / src=a\\x20b:0 /)
})

t.test('fields of a wrong type count as unknown', async (t) => {
  const text = lines({
    source: 'web',
    status: '200',
    latencyMicros: 'fast',
    tls: 'yes',
    path: 7,
    grpcStatus: null,
  })
  t.equal(
    text,
    `req id=0:0 proxy=out src=-:0 dst=[ff01::1]:0 tls= :method=GET :authority=localhost :path=
end id=0:0 proxy=out src=-:0 dst=[ff01::1]:0 tls= duration=0µs response-length=1337B
`,
  )
})

const VOTE = { namespace: 'emojivoto', kind: 'deployment', name: 'vote-bot', ip: '10.1.2.4' }

t.test('a compact line has who, what, how it ended and how long it took', async (t) => {
  const compact = new TapCompact({ paint: painter(false), namespace: 'emojivoto' })
  const print = (event: Partial<TapEventAnswer>) => compact.print(tapEventOf(tapEvent(event)))
  const request = { direction: 'inbound', source: VOTE, destination: WEB, authority: 'web-svc:80' } as const
  t.equal(
    print({
      ...request,
      path: '/api/vote',
      status: 500,
      grpcStatus: undefined,
      latencyMicros: 413,
      responseBytes: 512,
    }),
    '10:00:00.123Z  in   vote-bot → web  GET web-svc:80/api/vote  500  413µs  512B\n',
  )
  t.equal(
    print({
      ...request,
      source: WEB,
      destination: { ...VOTE, namespace: 'shop' },
      status: 200,
      grpcStatus: 14,
    }),
    '10:00:00.123Z  in   web      → shop/vote-bot  GET web-svc:80/some/path  200 Unavailable  1m50s  1.3KiB\n',
    'columns keep the width they once had',
  )
  t.equal(
    print({
      source: {},
      destination: {},
      method: '',
      authority: '',
      path: '',
      status: undefined,
      grpcStatus: undefined,
      reset: true,
      reason: 'UC',
    }),
    '10:00:00.123Z  out  -        → -              -  reset (UC)  1m50s  1.3KiB\n',
  )
})

t.test('colours tell outcomes apart, where there are colours', async (t) => {
  const status = (event: Partial<TapEventAnswer>) => {
    const compact = new TapCompact({ paint: painter(true) })
    // oxlint-disable-next-line no-control-regex
    return /some\/path {2}\u001b\[(\d+)m/.exec(
      compact.print(tapEventOf(tapEvent({ grpcStatus: undefined, ...event }))),
    )?.[1]
  }
  t.equal(status({ status: 200 }), '32')
  t.equal(status({ status: 304 }), '36')
  t.equal(status({ status: 404 }), '33')
  t.equal(status({ status: 503 }), '31')
  t.equal(status({ status: 200, grpcStatus: 14 }), '31')
  t.equal(status({ status: 200, grpcStatus: 5 }), '32')
  t.equal(status({ status: undefined, reset: true }), '31')
  t.equal(status({ status: undefined }), undefined)
})

import { readFileSync } from 'node:fs'
import t from 'tap'
import { decodeAccessLogs } from '../../src/event/als-decoder.ts'
import { splitAccessLogs } from '../../src/event/als-identifier.ts'
import { CONTENT_TYPES } from '../../src/event/content-type.ts'
import { decode } from '../../src/event/decode.ts'
import { DecodeError } from '../../src/event/decode-error.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import { random } from '../random.ts'
import { alsMessage, type Fields, httpEntry, STARTED_SECONDS, tcpEntry } from './als-reference.ts'
import { emptyColumns, faultOf } from './columns.ts'

function fixture(file: string): Buffer {
  return readFileSync(new URL(`../fixtures/als/${file}`, import.meta.url))
}

function eventsIn(bytes: Uint8Array) {
  const columns = emptyColumns()
  decodeAccessLogs(bytes, columns)
  return eventsOf(columns)
}

/** The one event of an entry, of a node that says nothing of itself. */
function eventOf(entry: Fields, kind: 'http_logs' | 'tcp_logs' = 'http_logs', identifier?: Fields) {
  const [event, ...more] = eventsIn(alsMessage({ identifier, [kind]: { log_entry: [entry] } }))
  if (more.length > 0) throw new Error('one entry became two events')
  return event
}

t.test('what Envoy sent decodes to the events it means', (t) => {
  const { identifier } = splitAccessLogs(fixture('envoy-1.bin'))
  for (const name of ['envoy-1', 'envoy-2', 'envoy-3']) {
    const { entries } = splitAccessLogs(fixture(`${name}.bin`))
    const want = fixture(`${name}.events.ndjson`)
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    t.same(eventsIn(Buffer.concat([identifier!, entries])), want, name)
  }
  t.same(eventsIn(fixture('envoy-1.bin')).length, 3, 'with its identifier as Envoy sends it')
  t.end()
})

t.test(
  'only the first message of a stream says who sends: that is cut down, and put before the others',
  (t) => {
    const node = {
      id: 'sidecar~10.1.2.3~web-6f7d-x2k.shop~shop.svc.cluster.local',
      cluster: 'web.shop',
      metadata: {
        fields: {
          NAMESPACE: { string_value: 'shop' },
          WORKLOAD_NAME: { string_value: 'web' },
          OWNER: { string_value: 'kubernetes://apis/apps/v1/namespaces/shop/statefulsets/web' },
          CLUSTER_ID: { string_value: 'east' },
          INSTANCE_IPS: {
            list_value: { values: [{ string_value: '10.1.2.4' }, { string_value: 'fe80::1' }] },
          },
          LABELS: { string_value: 'x'.repeat(10_000) },
          PILOT_SAN: { number_value: 3 },
        },
      },
      extensions: Array.from({ length: 1000 }, (_, i) => ({ name: `extension.${i}`, category: 'filters' })),
    }
    const first = alsMessage({
      identifier: { node, log_name: 'als' },
      http_logs: { log_entry: [httpEntry({})] },
    })
    const { identifier, entries } = splitAccessLogs(first)
    t.ok(identifier!.length < 400, `${identifier!.length} bytes`)
    const whole = eventsIn(first)
    t.same(eventsIn(Buffer.concat([identifier!, entries])), whole)
    t.match(whole, [
      {
        proxy: 'sidecar~10.1.2.3~web-6f7d-x2k.shop~shop.svc.cluster.local',
        destination: {
          cluster: 'east',
          namespace: 'shop',
          kind: 'statefulset',
          name: 'web',
          pod: 'web-6f7d-x2k',
          ip: '10.1.2.4',
        },
      },
    ])
    const next = alsMessage({ http_logs: { log_entry: [httpEntry({})] } })
    t.same(splitAccessLogs(next), { identifier: undefined, entries: next })
    t.end()
  },
)

t.test('a node is named by its metadata, else by its cluster', (t) => {
  const check = (node: Fields, want: object) =>
    t.match(
      eventOf(httpEntry({}), 'http_logs', { node, log_name: 'als' }),
      { destination: want },
      JSON.stringify(node),
    )
  const metadata = (fields: Record<string, string>) => ({
    fields: Object.fromEntries(Object.entries(fields).map(([key, text]) => [key, { string_value: text }])),
  })
  check({ id: 'n1', cluster: 'front' }, { kind: 'deployment', name: 'front' })
  check(
    {
      id: 'n1',
      cluster: 'front',
      metadata: metadata({ namespace: 'shop', daemonset: 'edge', pod: 'edge-1' }),
    },
    { namespace: 'shop', kind: 'daemonset', name: 'edge', pod: 'edge-1' },
  )
  check({ id: 'n1' }, {})
  t.end()
})

t.test('an HTTP entry is a request', (t) => {
  const event = eventOf(
    httpEntry({
      common: {
        downstream_remote_address: { socket_address: { address: '203.0.113.9', port_value: 555 } },
        downstream_direct_remote_address: { socket_address: { address: '10.0.0.7', port_value: 4444 } },
        upstream_cluster: 'inbound|8080||',
        route_name: 'api',
        tls_properties: {
          local_certificate_properties: { subject_alt_name: [{ uri: 'spiffe://mesh/ns/shop/sa/web' }] },
          peer_certificate_properties: {
            subject_alt_name: [{ dns: 'bot' }, { uri: 'spiffe://mesh/ns/shop/sa/bot' }],
          },
        },
      },
      request: {
        request_method: 3,
        scheme: 'https',
        authority: 'web.shop',
        path: '/rewritten',
        original_path: '/api/vote?choice=x',
        request_body_bytes: 7,
        request_headers: {
          'x-user': 'bob',
          traceparent: '00-24ef4c601f46d6102813278b0e93ebb6-5c1ef0ddf2e55639-01',
        },
      },
      response: {
        response_code: { value: 200 },
        response_body_bytes: 5000,
        response_headers: { 'content-type': 'application/grpc' },
        response_trailers: { 'grpc-status': '14' },
        response_code_details: 'via_upstream',
      },
    }),
  )
  t.same(event, {
    kind: 'request',
    timeMs: STARTED_SECONDS * 1000 + 512,
    direction: 'inbound',
    source: { ip: '10.0.0.7', identity: 'spiffe://mesh/ns/shop/sa/bot' },
    destination: { identity: 'spiffe://mesh/ns/shop/sa/web' },
    tls: true,
    method: 'POST',
    scheme: 'https',
    authority: 'web.shop',
    route: 'api',
    path: '/api/vote?choice=x',
    status: 200,
    grpcStatus: 14,
    latencyMicros: 12_000,
    requestBytes: 7,
    responseBytes: 5000,
    traceId: '24ef4c601f46d6102813278b0e93ebb6',
    requestHeaders: [{ name: 'x-user', value: 'bob' }],
    responseHeaders: [{ name: 'content-type', value: 'application/grpc' }],
  })
  t.end()
})

t.test('how a request ended is told by its code, its flags and its details', (t) => {
  const check = (
    code: number | undefined,
    flags: readonly string[],
    details: string,
    want: object,
    headers?: Fields,
  ) => {
    const event = eventOf(
      httpEntry({
        common: {
          response_flags: Object.fromEntries(
            flags.map((flag) => [flag, flag === 'unauthorized_details' ? { reason: 1 } : true]),
          ),
        },
        response: {
          ...(code === undefined ? {} : { response_code: { value: code } }),
          response_code_details: details,
          ...headers,
        },
      }),
    )
    const { status, grpcStatus, reset, reason } = event as unknown as Record<string, unknown>
    t.same(
      JSON.parse(JSON.stringify({ status, grpcStatus, reset, reason })),
      want,
      `${code} ${flags.join()} ${details}`,
    )
  }
  check(200, [], 'via_upstream', { status: 200 })
  check(500, [], 'via_upstream', { status: 500 })
  check(504, ['upstream_request_timeout'], 'response_timeout', { status: 504, reason: 'UT' })
  check(
    503,
    ['upstream_connection_failure', 'upstream_retry_limit_exceeded'],
    'upstream_reset_before_response_started{…}',
    {
      status: 503,
      reason: 'UF,URX',
    },
  )
  check(503, ['upstream_remote_reset'], 'upstream_reset_before_response_started{remote_reset}', {
    status: 503,
    reason: 'UR',
  })
  check(undefined, ['downstream_connection_termination'], 'downstream_remote_disconnect', {
    reset: true,
    reason: 'DC',
  })
  check(0, ['downstream_connection_termination'], 'downstream_remote_disconnect', {
    reset: true,
    reason: 'DC',
  })
  check(200, ['downstream_connection_termination'], 'via_upstream', {
    status: 200,
    reset: true,
    reason: 'DC',
  })
  check(200, ['downstream_remote_reset'], 'via_upstream', { status: 200, reset: true, reason: 'DR' })
  check(200, ['upstream_connection_termination'], 'upstream_reset_after_response_started{…}', {
    status: 200,
    reset: true,
    reason: 'UC',
  })
  check(200, ['delay_injected'], 'via_upstream', { status: 200, reason: 'DI' })
  check(403, ['unauthorized_details'], 'ext_authz_denied', { status: 403, reason: 'UAEX' })
  check(403, [], 'rbac_access_denied_matched_policy[none]', {
    status: 403,
    reason: 'rbac_access_denied_matched_policy',
  })
  check(200, [], 'direct_response', { status: 200 })
  check(200, [], 'via_upstream', { status: 200, grpcStatus: 5 }, { response_headers: { 'grpc-status': '5' } })
  check(
    200,
    [],
    'via_upstream',
    { status: 200, grpcStatus: 0 },
    { response_headers: { 'grpc-status': '5' }, response_trailers: { 'grpc-status': '0' } },
  )
  check(200, [], 'via_upstream', { status: 200 }, { response_trailers: { 'grpc-status': 'OK' } })
  check(70_000, [], '', { reset: true })
  t.end()
})

t.test('what an event has no field for is among its headers', (t) => {
  t.match(
    eventOf(
      httpEntry({
        common: { upstream_request_attempt_count: 3 },
        response: { response_code: { value: 503 }, response_code_details: 'cluster_not_found' },
      }),
    ),
    {
      responseHeaders: [
        { name: 'x-envoy-response-code-details', value: 'cluster_not_found' },
        { name: 'x-envoy-attempt-count', value: '3' },
      ],
    },
  )
  t.end()
})

t.test('a trace is known by traceparent, else by B3', (t) => {
  const check = (headers: Fields, want: string | undefined) => {
    const event = eventOf(httpEntry({ request: { request_headers: headers } }))
    t.equal((event as { traceId?: string }).traceId, want, JSON.stringify(headers))
    t.notOk('requestHeaders' in event!, 'and is no header besides')
  }
  const id = '463ac35c9f6413ad48485a3953bb6124'
  check({ traceparent: `00-${id}-00f067aa0ba902b7-01` }, id)
  check({ traceparent: `00-${id.toUpperCase()}-00f067aa0ba902b7-01` }, id)
  check({ traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, 'x-b3-traceid': id }, id)
  check({ traceparent: 'nonsense', b3: `${id}-00f067aa0ba902b7-1` }, id)
  check({ 'x-b3-traceid': '48485a3953bb6124', 'x-b3-sampled': '1' }, '000000000000000048485a3953bb6124')
  check({ b3: '0' }, undefined)
  check({ 'x-b3-traceid': 'g63ac35c9f6413ad48485a3953bb6124' }, undefined)
  t.end()
})

t.test('the side is told by a tag, the upstream cluster, or the name of the log', (t) => {
  const upstream = { upstream_remote_address: { socket_address: { address: '10.0.0.9', port_value: 9080 } } }
  const identifier = (log_name: string) => ({
    node: {
      id: 'n1',
      cluster: 'front',
      metadata: { fields: { namespace: { string_value: 'shop' }, cluster: { string_value: 'east' } } },
    },
    log_name,
  })
  const check = (log: string, common: Fields, want: object) =>
    t.match(
      eventOf(httpEntry({ common: { ...upstream, ...common } }), 'http_logs', identifier(log)),
      want,
      `${log} ${JSON.stringify(common)}`,
    )
  const front = { cluster: 'east', namespace: 'shop', name: 'front' }
  check('als', {}, { direction: 'inbound', destination: front })
  check(
    'als',
    { upstream_cluster: 'outbound|9080|v2|reviews.default.svc.cluster.local' },
    {
      direction: 'outbound',
      source: front,
      destination: { cluster: 'east', namespace: 'default', service: 'reviews', ip: '10.0.0.9', port: 9080 },
      tls: undefined,
    },
  )
  check(
    'Outbound-als',
    { upstream_cluster: 'cart' },
    {
      direction: 'outbound',
      destination: { namespace: 'shop', service: 'cart' },
    },
  )
  check('outbound', { upstream_cluster: 'inbound|8080||' }, { direction: 'inbound' })
  check('als', { custom_tags: { traffic_direction: 'OUTBOUND' } }, { direction: 'outbound' })
  check('outbound', { custom_tags: { direction: 'inbound' } }, { direction: 'inbound' })
  t.end()
})

t.test('latency is to the last byte sent, else of the whole stream, else to the last time given', (t) => {
  const none = { time_to_last_downstream_tx_byte: null }
  const check = (common: Fields, want: number) =>
    t.equal((eventOf(httpEntry({ common })) as { latencyMicros: number }).latencyMicros, want)
  check({ duration: { nanos: 13_000_000 } }, 12_000)
  check({ ...none, duration: { seconds: 1, nanos: 13_000_000 } }, 1_013_000)
  check({ ...none, time_to_last_upstream_rx_byte: { nanos: 9_000_000 } }, 9000)
  check(none, 0)
  t.end()
})

t.test('a TCP entry is a connection that has ended', (t) => {
  const common = {
    downstream_remote_address: { socket_address: { address: '10.0.0.7', port_value: 4444 } },
    tls_properties: { peer_certificate_properties: { subject_alt_name: [{ uri: 'spiffe://mesh/bot' }] } },
  }
  t.same(eventOf(tcpEntry(common, { received_bytes: 10, sent_bytes: 20 }), 'tcp_logs'), {
    kind: 'connection',
    timeMs: STARTED_SECONDS * 1000 + 2000,
    direction: 'inbound',
    source: { ip: '10.0.0.7', identity: 'spiffe://mesh/bot' },
    destination: {},
    tls: true,
    opened: 1,
    closed: 1,
    readBytes: 10,
    writtenBytes: 20,
  })
  const outbound = { ...common, upstream_cluster: 'outbound|5432||db.shop.svc.cluster.local' }
  t.match(
    eventOf(tcpEntry(outbound, { received_bytes: 10, sent_bytes: 20 }), 'tcp_logs'),
    { direction: 'outbound', readBytes: 20, writtenBytes: 10 },
    'bytes are those of the connection to the other end',
  )
  t.end()
})

t.test('what is told before the end is not counted', (t) => {
  const columns = emptyColumns()
  const entries = [4, 5, 9].map((access_log_type) => httpEntry({ common: { access_log_type } }))
  decodeAccessLogs(
    alsMessage({
      http_logs: { log_entry: [...entries, httpEntry({ common: { intermediate_log_entry: true } })] },
      tcp_logs: { log_entry: [1, 2].map((access_log_type) => tcpEntry({ access_log_type }, {})) },
    }),
    columns,
  )
  t.match(columns, { requests: 0, connections: 0, skipped: 6 })
  t.end()
})

t.test('a malformed message is one fault that says what and where', (t) => {
  const check = (bytes: Uint8Array, want: string) =>
    t.equal(
      faultOf(() => decodeAccessLogs(bytes, emptyColumns())),
      want,
    )
  const entry = (common: Fields) => alsMessage({ http_logs: { log_entry: [httpEntry({ common })] } })
  check(entry({ start_time: null }), 'time-missing byte 4: an entry needs common_properties.start_time')
  check(
    entry({ time_to_last_downstream_tx_byte: { seconds: 2_000_000 } }),
    "out-of-range byte 4: an entry's time is not within 0 and 8640000000000000 ms, or it lasts longer than 1099511627776 µs",
  )
  check(
    entry({ start_time: { seconds: -5 } }),
    "out-of-range byte 4: an entry's time is not within 0 and 8640000000000000 ms, or it lasts longer than 1099511627776 µs",
  )
  check(Uint8Array.of(0x12, 5, 1), 'truncated byte 1: a length of 5 bytes, but only 1 are left')
  check(Uint8Array.of(0x10, 1), 'field-type byte 1: field 2 has the wire type 0 where 2 is expected')
  t.end()
})

t.test('messages cut anywhere, and with flipped bits, decode or fail with a fault', (t) => {
  const rng = random(7)
  const messages = ['envoy-1.bin', 'envoy-2.bin', 'envoy-3.bin'].map(fixture)
  let faults = 0
  const tryOne = (bytes: Uint8Array) => {
    for (const decodeOne of [() => decodeAccessLogs(bytes, emptyColumns()), () => splitAccessLogs(bytes)]) {
      try {
        decodeOne()
      } catch (error) {
        faults++
        if (!(error instanceof DecodeError)) throw error
      }
    }
  }
  for (const message of messages) {
    for (let length = 0; length < message.length; length += 1 + Math.floor(rng() * 5))
      tryOne(message.subarray(0, length))
    for (let i = 0; i < 2000; i++) {
      const flipped = Uint8Array.from(message)
      for (let flips = 1 + Math.floor(rng() * 3); flips > 0; flips--)
        flipped[Math.floor(rng() * flipped.length)]! ^= 1 << Math.floor(rng() * 8)
      tryOne(flipped)
    }
  }
  t.ok(faults > 1000)
  t.end()
})

t.test('a record of the log may be a message', (t) => {
  const columns = emptyColumns()
  t.same(decode(CONTENT_TYPES.envoyAccessLogs, fixture('envoy-3.bin'), columns), { kind: 'decoded' })
  t.equal(columns.requests, 5)
  t.end()
})

import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { RequestError } from '../../src/event/request-error.ts'
import { formatTapQuery } from '../../src/tap/format-tap-query.ts'
import { parseTapQuery, TAP_PARAMETERS } from '../../src/tap/parse-tap-query.ts'
import type { TapQuery } from '../../src/tap/tap-query.ts'
import { tapQueries } from './tap-queries.ts'

t.test('parameters say what a tap wants', async (t) => {
  const check = (text: string, wanted: Partial<TapQuery>) =>
    t.strictSame(
      parseTapQuery(Object.fromEntries(new URLSearchParams(text))),
      { resource: {}, maxRps: 100, ...wanted },
      text || 'nothing',
    )
  check('', {})
  check('resource=all', {})
  check('resource=deploy/web&namespace=emojivoto', {
    resource: { kind: 'deployment', name: 'web', namespace: 'emojivoto' },
  })
  check('resource=deploy', { resource: { kind: 'deployment' } })
  check('resource=ns/emojivoto', { resource: { namespace: 'emojivoto' } })
  check('resource=ns/emojivoto&namespace=emojivoto', { resource: { namespace: 'emojivoto' } })
  check('resource=ns', {})
  check('resource=cluster/east', { resource: { cluster: 'east' } })
  check('resource=po/x-1&cluster=east', { resource: { kind: 'pod', name: 'x-1', cluster: 'east' } })
  check('resource=svc/web-svc', { resource: { kind: 'service', name: 'web-svc' } })
  check('resource=au/Web-Svc:80', { resource: { kind: 'authority', name: 'web-svc:80' } })
  check('direction=in', { direction: 'inbound' })
  check('direction=Outbound', { direction: 'outbound' })
  check('to=sts/db&to_namespace=data', { to: { kind: 'statefulset', name: 'db', namespace: 'data' } })
  check('to_namespace=data', { to: { namespace: 'data' } })
  check('from=deploy/web&from_cluster=west', { from: { kind: 'deployment', name: 'web', cluster: 'west' } })
  check('method=get', { method: 'GET' })
  check('authority=Web-Svc.*', { authority: 'web-svc.*' })
  check('path=/api', { path: '/api' })
  check('path=*/Vote', { path: '*/Vote' })
  check('status=503', { status: { kind: 'exact', status: 503 } })
  check('status=5XX', { status: { kind: 'class', hundreds: 5 } })
  check('status=failure', { status: { kind: 'classification', classification: 'failure' } })
  check('status=Success', { status: { kind: 'classification', classification: 'success' } })
  check('min_latency=100ms', { minLatencyMicros: 100_000 })
  check('min_latency=1.5s', { minLatencyMicros: 1_500_000 })
  check('min_latency=250us', { minLatencyMicros: 250 })
  check('min_latency=250µs', { minLatencyMicros: 250 })
  check('min_latency=20', { minLatencyMicros: 20_000 })
  check('min_latency=0.0004', {})
  check('header=X-Debug', { header: { name: 'x-debug' } })
  check('header=X-User: 7:1 ', { header: { name: 'x-user', value: '7:1' } })
  check('header=cookie', { header: { name: 'cookie' } })
  check('max_rps=0.5', { maxRps: 0.5 })
  check('max_rps=10000', { maxRps: 10_000 })
})

t.test('what cannot be read, or contradicts, is refused', async (t) => {
  const check = (text: string, parameter: string, message: RegExp) => {
    const error = t.throws(
      () => parseTapQuery(Object.fromEntries(new URLSearchParams(text))),
      text,
    ) as unknown as RequestError
    t.type(error, RequestError, text)
    t.equal(error.parameter, parameter, text)
    t.match(error.message, message, text)
  }
  check('resouce=deploy/web', 'resouce', /^a tap has no parameter "resouce"; it has resource, namespace, /)
  check('resource=', 'resource', /names no kind of resource/)
  check('resource=web', 'resource', /"web" names no kind/)
  check('namespace=', 'namespace', /is empty; leave the parameter out/)
  check(`cluster=${'x'.repeat(1025)}`, 'cluster', /has 1025 characters; at most 1024/)
  check('resource=ns/a&namespace=b', 'namespace', /"b" contradicts "a" in "resource"/)
  check('resource=cluster/a&cluster=b', 'cluster', /"b" contradicts "a" in "resource"/)
  check('to=deploy/a&from=deploy/b', 'from', /exclude each other/)
  check('to=deploy/a&direction=in', 'direction', /"to" asks for outbound reports/)
  check('from=deploy/a&direction=out', 'direction', /"from" asks for inbound reports/)
  check('from=au/x', 'from', /never from an authority/)
  check('resource=route//x&to=deploy/a', 'to', /not from one/)
  check('direction=up', 'direction', /"up" is no direction; it is inbound \(in\) or outbound \(out\)/)
  check('method=GET /', 'method', /"GET \/" is no HTTP method/)
  check('path=api', 'path', /"api" begins no path/)
  check(`path=/${'*a'.repeat(128)}`, 'path', /is a pattern of 257 characters; at most 256/)
  check('status=6xx', 'status', /"6xx" is no status; it is one such as 503/)
  check('status=42', 'status', /no status/)
  check('min_latency=fast', 'min_latency', /"fast" is no latency; .* for example 100ms/)
  check('min_latency=-1ms', 'min_latency', /no latency/)
  check('min_latency=999999999m', 'min_latency', /is too long; at most 1099511627776us/)
  check('header=a b', 'header', /is no header; it is NAME or NAME:VALUE/)
  check('header=Authorization:Bearer x', 'header', /values of authorization are not shown, nor matched/)
  check('max_rps=0', 'max_rps', /"0" is no rate; it is a number of events a second from 0\.01 to 10000/)
  check('max_rps=10001', 'max_rps', /no rate/)
  check('max_rps=1e3', 'max_rps', /no rate/)
})

t.test('every parameter may be left undefined', async (t) => {
  const none = Object.fromEntries([...TAP_PARAMETERS, 'other'].map((name) => [name, undefined]))
  t.strictSame(parseTapQuery(none), { resource: {}, maxRps: 100 })
})

t.test('a query is read back from its canonical text, and equal queries have equal texts', async (t) => {
  t.equal(
    formatTapQuery(parseTapQuery({ status: '5XX', resource: 'Deploy/web', min_latency: '0.1s' })),
    formatTapQuery(
      parseTapQuery({ min_latency: '100', resource: 'deployments/web', status: '5xx', max_rps: '100.0' }),
    ),
  )
  t.equal(
    formatTapQuery(parseTapQuery({ resource: 'deploy/web', path: '/a b', header: 'x:y z' })),
    'resource=deployment%2Fweb&path=%2Fa+b&header=x%3Ay+z&max_rps=100',
  )
  fc.assert(
    fc.property(tapQueries, (query) => {
      const text = formatTapQuery(query)
      const read = parseTapQuery(Object.fromEntries(new URLSearchParams(text)))
      assert.deepStrictEqual(read, query)
      assert.equal(formatTapQuery(read), text)
    }),
    { numRuns: 300 },
  )
})

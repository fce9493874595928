import t from 'tap'
import { RequestError } from '../../src/event/request-error.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import {
  parseEdgesRequest,
  parseResourcesRequest,
  parseRoutesRequest,
  parseStatRequest,
  parseTimeseriesRequest,
  parseTopRequest,
} from '../../src/query/requests.ts'

const MINUTE = { text: '1m', ms: 60_000 }
const DEPLOY = { kind: 'deployment' } as const

t.test('a stat request reads what is asked for, in kubectl’s words', async (t) => {
  const check = (parameters: Parameters, want: unknown) =>
    t.strictSame(parseStatRequest(parameters), want, JSON.stringify(parameters))
  check({ resource: 'deploy' }, { target: DEPLOY, window: MINUTE })
  check({ resource: 'deploy', namespace: '', cluster: '', window: '' }, { target: DEPLOY, window: MINUTE })
  check(
    { resource: 'sts/redis', namespace: 'shop', cluster: 'east', window: '1h30m' },
    {
      target: { kind: 'statefulset', name: 'redis', namespace: 'shop', cluster: 'east' },
      window: { text: '1h30m', ms: 5_400_000 },
    },
  )
  check({ resource: 'ns/shop' }, { target: { kind: 'namespace', name: 'shop' }, window: MINUTE })
  check({ resource: 'all', window: '10s' }, { target: { kind: 'all' }, window: { text: '10s', ms: 10_000 } })
  check(
    { resource: 'all', window: '7d' },
    { target: { kind: 'all' }, window: { text: '7d', ms: 604_800_000 } },
  )
  check({ resource: 'route//api/vote' }, { target: { kind: 'route', name: '/api/vote' }, window: MINUTE })
})

function peer(parameters: Parameters): unknown {
  return parseStatRequest(parameters).peer
}

t.test('the other end lies in the resource’s namespace unless told otherwise', async (t) => {
  t.strictSame(peer({ resource: 'deploy/web', namespace: 'emojivoto', to: 'deploy/emoji' }), {
    role: 'to',
    target: { kind: 'deployment', name: 'emoji', namespace: 'emojivoto' },
  })
  t.strictSame(peer({ resource: 'ns/emojivoto', from: 'deploy/bot' }), {
    role: 'from',
    target: { kind: 'deployment', name: 'bot', namespace: 'emojivoto' },
  })
  t.strictSame(
    peer({ resource: 'deploy', namespace: 'a', from: 'pod/x', from_namespace: 'b', from_cluster: 'west' }),
    {
      role: 'from',
      target: { kind: 'pod', name: 'x', namespace: 'b', cluster: 'west' },
    },
  )
  t.strictSame(peer({ resource: 'deploy', namespace: 'a', to: 'ns/b' }), {
    role: 'to',
    target: { kind: 'namespace', name: 'b' },
  })
  t.strictSame(peer({ resource: 'deploy', to: 'svc' }), { role: 'to', target: { kind: 'service' } })
})

t.test('other requests have their own parameters and defaults', async (t) => {
  t.strictSame(parseEdgesRequest({}), { target: { kind: 'all' }, window: MINUTE })
  t.strictSame(parseResourcesRequest({ namespace: 'a' }), {
    target: { kind: 'all', namespace: 'a' },
    window: MINUTE,
  })
  t.strictSame(parseRoutesRequest({ resource: 'svc/web' }), {
    target: { kind: 'service', name: 'web' },
    window: MINUTE,
  })
  t.strictSame(parseTopRequest({ resource: 'deploy' }), {
    target: DEPLOY,
    window: MINUTE,
    by: 'path',
    limit: 100,
  })
  t.strictSame(
    parseTopRequest({ resource: 'po/x', by: 'route', limit: '1000', method: 'post', path: '/api' }),
    {
      target: { kind: 'pod', name: 'x' },
      window: MINUTE,
      by: 'route',
      limit: 1000,
      method: 'POST',
      path: '/api',
    },
  )
})

function step(window: string, text?: string): number {
  const parameters = { resource: 'deploy', window, ...(text === undefined ? {} : { step: text }) }
  return parseTimeseriesRequest(parameters).stepMs / 1000
}

t.test('a step is a multiple of the bucket that the window is made of', async (t) => {
  t.equal(step('1m'), 10, 'at least a bucket')
  t.equal(step('10m'), 10, 'a sixtieth of the window')
  t.equal(step('1h'), 60)
  t.equal(step('6h'), 360)
  t.equal(step('7d'), 10_200, 'rounded up to whole buckets of 10 min')
  t.equal(step('1m', '1s'), 10)
  t.equal(step('5m', '15s'), 20)
  t.equal(step('6h', '1m'), 60)
})

t.test('a bad parameter is an error that names it, its value and what is allowed', async (t) => {
  const check = (
    parse: (parameters: Parameters) => unknown,
    parameters: Parameters,
    parameter: string,
    message: RegExp,
  ) => {
    try {
      parse(parameters)
      t.fail(`taken: ${JSON.stringify(parameters)}`)
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      t.equal(error.parameter, parameter)
      t.match(error.message, message)
    }
  }
  const stat = (parameters: Parameters, parameter: string, message: RegExp) =>
    check(parseStatRequest, { resource: 'deploy', ...parameters }, parameter, message)

  check(parseStatRequest, {}, 'resource', /missing.*KIND\/NAME/)
  stat({ resource: 'thing/x' }, 'resource', /"thing\/x" names no kind/)
  stat({ resource: 'deploy/' }, 'resource', /no name/)
  stat({ namespaces: 'x' }, 'namespaces', /no parameter here; there are .*namespace/)
  stat({ limit: '5' }, 'limit', /no parameter here/)
  stat({ window: '5x' }, 'window', /"5x" is no span of time; give for example 30s/)
  stat({ window: '9s' }, 'window', /"9s" is out of bounds; give from 10s to 7d/)
  stat({ window: '8d' }, 'window', /"8d" is out of bounds/)
  stat({ window: '1d', resource: 'pod' }, 'window', /"1d" is too long for pods.*6h/)
  stat({ window: '1d', from: 'pod/x' }, 'window', /too long for pods/)
  stat({ from: 'deploy/a', to: 'deploy/b' }, 'from', /from and to are mutually exclusive/)
  stat(
    { to: 'deploy/a', from_namespace: 'x', to_namespace: 'y' },
    'from_namespace',
    /from_namespace and to_namespace are mutually exclusive/,
  )
  stat({ to_namespace: 'x' }, 'to_namespace', /of no use without to/)
  stat({ resource: 'ns', namespace: 'x' }, 'namespace', /"x" is incompatible with the kind namespace/)
  stat({ to: 'ns/a', to_namespace: 'x' }, 'to_namespace', /"x" is incompatible with the kind namespace/)
  stat({ to: 'all' }, 'to', /"all" is of the kind all, which is not possible here; give one of cluster/)
  stat({ from: 'svc/x' }, 'from', /"svc\/x" is of the kind service, which is not possible here/)
  stat({ resource: 'svc/x', to: 'deploy/y' }, 'to', /service, which sends nothing; use from/)
  stat({ resource: 'pod/x', to: 'pod/y' }, 'to', /knows its own pod/)
  check(parseTopRequest, { resource: 'pod/x' }, 'resource', /"pod\/x" is of the kind pod/)
  check(
    parseTopRequest,
    { resource: 'deploy', by: 'color' },
    'by',
    /"color" is not known; give one of path, route/,
  )
  check(
    parseTopRequest,
    { resource: 'deploy', limit: '0' },
    'limit',
    /"0" is not taken; give a whole number from 1/,
  )
  check(parseTopRequest, { resource: 'deploy', limit: '1e2' }, 'limit', /"1e2" is not taken/)
  check(parseEdgesRequest, { resource: 'svc/x' }, 'resource', /"svc\/x" is of the kind service/)
  check(
    parseTimeseriesRequest,
    { resource: 'deploy', window: '1h', step: '2h' },
    'step',
    /"2h" is out of bounds/,
  )
  check(parseTimeseriesRequest, { resource: 'deploy', step: 'x' }, 'step', /"x" is no span of time/)
  check(
    parseTimeseriesRequest,
    { resource: 'deploy', window: '7d', step: '10m' },
    'step',
    /more than 1000 points/,
  )
})

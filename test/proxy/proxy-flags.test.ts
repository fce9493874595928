import t from 'tap'
import { type ProxyFlags, proxyOptions } from '../../src/proxy/proxy-flags.ts'

const FLAGS: ProxyFlags = {
  workload: 'deploy/web',
  namespace: 'emojivoto',
  listen: '127.0.0.1:8080',
  ingest: 'http://127.0.0.1:4318',
}

function check(flags: Partial<ProxyFlags>, want: object, hostname = 'host-1'): void {
  t.same(proxyOptions({ ...FLAGS, ...flags }, hostname), { ingestUrl: FLAGS.ingest, ...want })
}

function refuses(flags: Partial<ProxyFlags>, message: string): void {
  t.throws(() => proxyOptions({ ...FLAGS, ...flags }, 'host-1'), { code: 'PROXY_OPTION_INVALID', message })
}

const workload = { namespace: 'emojivoto', kind: 'deployment', name: 'web', pod: 'web-host-1' }
const listen = { host: '127.0.0.1', port: 8080 }
const upstream = 'http://127.0.0.1:3000'

t.test('flags become options', (t) => {
  check({ upstream }, { workload, inbound: { listen, upstream } })
  check(
    {
      upstream,
      cluster: 'east',
      pod: 'web-1',
      service: 'web-svc',
      source: 'deploy/vote-bot',
      headers: ['x-a'],
    },
    {
      workload: { ...workload, cluster: 'east', pod: 'web-1', service: 'web-svc' },
      inbound: {
        listen,
        upstream,
        source: { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'vote-bot' },
      },
      headers: ['x-a'],
    },
  )
  check(
    { upstream, direction: 'outbound', destination: 'billing/sts/db' },
    {
      workload,
      outbound: {
        listen,
        routes: [{ authority: '*', upstreams: [upstream] }],
        destination: { namespace: 'billing', kind: 'statefulset', name: 'db' },
      },
    },
  )
  check(
    { upstream, outboundListen: '[::1]:0', route: ['a:80=http://x,http://y', '*=http://z'] },
    {
      workload,
      inbound: { listen, upstream },
      outbound: {
        listen: { host: '::1', port: 0 },
        routes: [
          { authority: 'a:80', upstreams: ['http://x', 'http://y'] },
          { authority: '*', upstreams: ['http://z'] },
        ],
      },
    },
  )
  check(
    { outboundListen: ':4140' },
    { workload, outbound: { listen: { ...listen, port: 4140 }, routes: [] } },
  )
  t.end()
})

t.test('in a pod, its host name is its name', (t) => {
  check(
    { upstream },
    { workload: { ...workload, pod: 'web-7c8d-x2k' }, inbound: { listen, upstream } },
    'web-7c8d-x2k',
  )
  t.end()
})

t.test('a wrong flag is named, with its value', (t) => {
  refuses({}, 'give --upstream, the URL of what this proxy stands before, or --outbound-listen, or both')
  refuses(
    { upstream, workload: 'web' },
    '--workload is "web": must be a workload such as deploy/web, of deployment, statefulset, daemonset, replicaset, job, cronjob, pod',
  )
  for (const text of ['deploy', 'svc/web', 'ns/a', 'deploy/a/b', 'x/y'])
    t.throws(() => proxyOptions({ ...FLAGS, upstream, workload: text }, 'h'), {
      message: /^--workload is /,
    })
  for (const text of ['8080', 'localhost', '127.0.0.1:', 'a:99999', '']) {
    t.throws(() => proxyOptions({ ...FLAGS, upstream, listen: text }, 'h'), { message: /^--listen is / })
  }
  refuses({ upstream, direction: 'sideways' }, '--direction is "sideways": must be inbound or outbound')
  t.throws(() => proxyOptions({ ...FLAGS, direction: 'outbound', outboundListen: ':1' }, 'h'), {
    message: /^--direction/,
  })
  t.throws(() => proxyOptions({ ...FLAGS, outboundListen: ':1', route: ['a'] }, 'h'), {
    message: /^--route is "a"/,
  })
  t.throws(() => proxyOptions({ ...FLAGS, upstream, source: 'a/b/c/d' }, 'h'), { message: /^--source is/ })
  t.end()
})

import t from 'tap'
import { HostGuard } from '../../src/http/host-guard.ts'
import { HttpProblem } from '../../src/http/problem.ts'

function verdict(guard: HostGuard, host: string | undefined, origin?: string): string {
  try {
    guard.check(host, origin)
    return 'allowed'
  } catch (error) {
    if (!(error instanceof HttpProblem)) throw error
    return `${error.status} ${error.code}`
  }
}

t.test('without configuration only what nobody else can point at this machine is a host', async (t) => {
  const guard = new HostGuard()
  for (const [host, want] of [
    [undefined, 'allowed'],
    ['localhost', 'allowed'],
    ['localhost:8084', 'allowed'],
    ['LocalHost:8084', 'allowed'],
    ['localhost.', 'allowed'],
    ['meshtap.localhost:8084', 'allowed'],
    ['127.0.0.1:8084', 'allowed'],
    ['127.1.2.3', 'allowed'],
    ['[::1]:8084', 'allowed'],
    ['10.1.2.3:8084', 'allowed'],
    ['evil.example', '403 HOST_NOT_ALLOWED'],
    ['evil.example:8084', '403 HOST_NOT_ALLOWED'],
    ['localhost.evil.example', '403 HOST_NOT_ALLOWED'],
    ['notlocalhost', '403 HOST_NOT_ALLOWED'],
    ['127.0.0.1.evil.example', '403 HOST_NOT_ALLOWED'],
    ['1.2.3', '403 HOST_NOT_ALLOWED'],
    ['', '403 HOST_NOT_ALLOWED'],
    ['user@localhost', '403 HOST_NOT_ALLOWED'],
    ['localhost/evil.example', '403 HOST_NOT_ALLOWED'],
    ['localhost:port', '403 HOST_NOT_ALLOWED'],
  ] as const) {
    t.equal(verdict(guard, host), want, `Host: ${host}`)
  }
})

t.test('configured names are hosts too', async (t) => {
  const guard = new HostGuard(['mesh.example.com', '.cluster.local'])
  for (const [host, want] of [
    ['mesh.example.com', 'allowed'],
    ['Mesh.Example.com:443', 'allowed'],
    ['a.mesh.example.com', '403 HOST_NOT_ALLOWED'],
    ['gateway.meshtap.svc.cluster.local:8084', 'allowed'],
    ['cluster.local', 'allowed'],
    ['evilcluster.local', '403 HOST_NOT_ALLOWED'],
    ['localhost', 'allowed'],
  ] as const) {
    t.equal(verdict(guard, host), want, `Host: ${host}`)
  }
  t.equal(verdict(new HostGuard(['*']), 'anything.example'), 'allowed', '* is any host')
})

t.test('an origin is absent, the host asked for, or a configured name', async (t) => {
  const guard = new HostGuard(['mesh.example.com'])
  for (const [host, origin, want] of [
    ['localhost:8084', undefined, 'allowed'],
    ['localhost:8084', 'http://localhost:8084', 'allowed'],
    ['localhost:8084', 'http://localhost:3000', '403 ORIGIN_NOT_ALLOWED'],
    ['localhost:8084', 'http://127.0.0.1:8084', '403 ORIGIN_NOT_ALLOWED'],
    ['localhost:8084', 'http://evil.example', '403 ORIGIN_NOT_ALLOWED'],
    ['localhost:8084', 'null', '403 ORIGIN_NOT_ALLOWED'],
    ['localhost:8084', 'nonsense', '403 ORIGIN_NOT_ALLOWED'],
    ['[::1]:8084', 'http://[::1]:8084', 'allowed'],
    ['localhost', 'http://localhost', 'allowed'],
    ['localhost:80', 'http://localhost', 'allowed'],
    ['localhost:443', 'https://localhost', 'allowed'],
    ['localhost', 'https://localhost:8443', '403 ORIGIN_NOT_ALLOWED'],
    ['10.1.2.3:8084', 'https://mesh.example.com', 'allowed'],
  ] as const) {
    t.equal(verdict(guard, host, origin), want, `Host: ${host}, Origin: ${origin}`)
  }
  t.equal(
    verdict(new HostGuard(['*']), 'anything.example', 'http://evil.example'),
    '403 ORIGIN_NOT_ALLOWED',
    'any host is not any origin',
  )
})

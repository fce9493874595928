import t from 'tap'
import { endpointOfAuthority, parseAuthority } from '../../src/reporter/authority.ts'
import { RouteTable } from '../../src/proxy/route-table.ts'

t.test('an authority is a name or an address, with a port or without', (t) => {
  const check = (text: string, want: [string, number] | undefined): void => {
    const parsed = parseAuthority(text)
    t.same(parsed && [parsed.host, parsed.port], want, text)
  }
  check('Web-SVC.emojivoto:80', ['web-svc.emojivoto', 80])
  check('web', ['web', 0])
  check('[::1]:8080', ['::1', 8080])
  check('[::1]', ['::1', 0])
  check('10.0.0.7:9', ['10.0.0.7', 9])
  for (const text of ['', ':80', 'a:', 'a:b', 'a:65536', 'a/b', 'user@a', '[web]:80', 'a b', '::1'])
    check(text, undefined)
  t.end()
})

t.test('the name of a service says what is known of a destination', (t) => {
  const from = { cluster: 'east', namespace: 'emojivoto', name: 'web' }
  const check = (authority: string | undefined, want: object): void => {
    t.same(endpointOfAuthority(authority, from), want, String(authority))
  }
  const east = { cluster: 'east' }
  check('voting-svc', { ...east, namespace: 'emojivoto', service: 'voting-svc' })
  check('voting-svc.billing:80', { ...east, namespace: 'billing', service: 'voting-svc', port: 80 })
  check('voting-svc.billing.svc.cluster.local', { ...east, namespace: 'billing', service: 'voting-svc' })
  check('api.example.com:443', { service: 'api.example.com', port: 443 })
  check('localhost:3000', { service: 'localhost', port: 3000 })
  check('10.0.0.7:80', { ip: '10.0.0.7', port: 80 })
  check('[::1]', { ip: '::1' })
  check(undefined, {})
  check('not a host', {})
  t.end()
})

t.test('the most exact route counts', (t) => {
  const table = new RouteTable(
    [
      { authority: 'web:80', upstreams: ['http://127.0.0.1:1'] },
      { authority: 'web', upstreams: ['http://127.0.0.1:2'] },
      { authority: '*', upstreams: ['http://127.0.0.1:3'] },
    ],
    { connections: 10 },
  )
  const check = (authority: string | undefined, port: string): void => {
    t.equal(table.find(authority)?.url.port, port, String(authority))
  }
  check('web:80', '1')
  check('WEB:80', '1')
  check('web:81', '2')
  check('web', '2')
  check('other:80', '3')
  check(undefined, '3')
  check('not a host', '3')
  table.close()
  t.end()
})

t.test('without routes every authority leads to itself, and what is kept of them is bounded', (t) => {
  const table = new RouteTable([], { connections: 10 })
  t.equal(table.find('web.emojivoto:80')?.url.host, 'web.emojivoto')
  t.equal(table.find('[::1]:8080')?.url.host, '[::1]:8080')
  t.equal(table.find(undefined), undefined)
  t.equal(table.find('user@host'), undefined)
  const first = table.find('a')
  t.equal(table.find('a'), first)
  for (let i = 0; i < 300; i++) table.find(`host-${i}`)
  t.not(table.find('a'), first)
  table.close()
  t.end()
})

t.test('a route that makes no sense is refused', (t) => {
  const check = (authority: string, upstreams: string[], want: { code: string }): void => {
    t.throws(() => new RouteTable([{ authority, upstreams }], { connections: 10 }), want)
  }
  check('a/b', ['http://x'], { code: 'PROXY_OPTION_INVALID' })
  check('a', [], { code: 'PROXY_OPTION_INVALID' })
  check('a', ['x:80'], { code: 'PROXY_UPSTREAM_INVALID' })
  const twice = { authority: 'a', upstreams: ['http://x'] }
  t.throws(() => new RouteTable([twice, twice], { connections: 10 }), /two routes of a/)
  t.end()
})

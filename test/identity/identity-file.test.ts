import t from 'tap'
import { FileIdentities, parseIdentities } from '../../src/identity/identity-file.ts'

const FILE = `
identities:
  - { ip: 10.1.0.0/16, namespace: db, service: databases }
  - { ip: 10.1.2.0/24, namespace: db, kind: statefulset, name: postgres }
  - { ip: 10.1.2.3, namespace: db, kind: statefulset, name: postgres, pod: postgres-0 }
  - { ip: 10.1.2.3, cluster: east, namespace: shop, name: web }
  - { ip: 'fd00::/8', service: inside }
  - { pod: node-7, namespace: edge, kind: daemonset, name: gateway }
  - { pod: twin, namespace: a, name: x }
  - { pod: twin, namespace: b, name: y }
`

t.test('the narrowest rule answers, and that of its own cluster first', async (t) => {
  const rules = parseIdentities(FILE, 'identities.yaml')
  for (const [cluster, ip, answer] of [
    ['east', '10.1.2.3', 'shop/deployment/web'],
    ['west', '10.1.2.3', 'db/statefulset/postgres'],
    ['east', '::ffff:10.1.2.4', 'db/statefulset/postgres'],
    ['east', '10.1.3.4', 'db//:databases'],
    ['east', 'fd12::1', '//:inside'],
    ['east', '10.2.0.1', undefined],
    ['east', 'web', undefined],
  ] as const) {
    const found = rules.atAddress(cluster, ip)
    const shown = found && `${found.namespace}/${found.kind}/${found.name || `:${found.service}`}`
    t.equal(shown, answer, `${ip} in ${cluster}`)
  }
  t.match(rules.ofPod('east', '', 'node-7'), { kind: 'daemonset', name: 'gateway' })
  t.equal(rules.ofPod('east', '', 'twin'), undefined, 'two namespaces have it')
  t.match(rules.ofPod('east', 'b', 'twin'), { name: 'y' })
})

t.test('a file that is read again raises the version', async (t) => {
  const identities = new FileIdentities(parseIdentities('identities: []', 'i'))
  const before = identities.version
  identities.replace(parseIdentities(FILE, 'i'))
  t.ok(identities.version > before)
  t.match(identities.atAddress('west', '10.1.2.3'), { occupant: { name: 'postgres' }, toMs: Infinity })
})

t.test('what is wrong is said, all of it, with lines', async (t) => {
  for (const [text, message] of [
    ['{}', 'i:1: lacks identities: a list'],
    [
      'identities:\n  - name: a\n  - ip: 10.0.0.300\n    name: a\n  - ip: 10.0.0.0/33\n    service: a\n',
      [
        'i:2: identities.0 lacks what it is of: give ip, pod or both',
        'i:3: identities.1.ip "10.0.0.300" is neither an address nor a range such as 10.1.0.0/16',
        'i:5: identities.2.ip "10.0.0.0/33" is neither an address nor a range such as 10.1.0.0/16',
      ].join('\n'),
    ],
    [
      'identities:\n  - ip: 10.0.0.1\n    kind: job\n    port: 1\n',
      [
        'i:4: identities.0.port there is no port here, only ip, pod, cluster, namespace, kind, name, service',
        'i:2: identities.0 lacks who it is: give name, service or both',
        'i:3: identities.0.kind needs a name',
      ].join('\n'),
    ],
  ] as const) {
    t.throws(() => parseIdentities(text, 'i'), { name: 'RangeError', message })
  }
})

import t from 'tap'
import { RequestError } from '../../src/event/request-error.ts'
import { canonicalKind, parseResource } from '../../src/rollup/resource-kind.ts'

t.test('a kind has its long, short and plural names, in any case', async (t) => {
  const same: Readonly<Record<string, readonly string[]>> = {
    namespace: ['ns', 'namespaces', 'NS', 'Namespace'],
    deployment: ['deploy', 'deployments', 'Deploy'],
    statefulset: ['sts', 'statefulsets'],
    daemonset: ['ds', 'daemonsets'],
    replicaset: ['rs', 'replicasets'],
    job: ['jobs'],
    cronjob: ['cj', 'cronjobs'],
    pod: ['po', 'pods'],
    service: ['svc', 'services'],
    authority: ['au', 'authorities'],
    route: ['routes'],
    cluster: ['clusters'],
    all: ['ALL'],
  }
  for (const [kind, names] of Object.entries(same)) {
    for (const name of [kind, ...names]) t.equal(canonicalKind(name), kind, name)
  }
  for (const none of ['', 'dep', 'toString', 'deploy '])
    t.equal(canonicalKind(none), undefined, `${none} is none`)
})

t.test('a resource is a kind, or a kind and a name', async (t) => {
  t.same(parseResource('resource', 'deploy'), { kind: 'deployment' })
  t.same(parseResource('resource', 'po/web-1'), { kind: 'pod', name: 'web-1' })
  t.same(parseResource('resource', 'route//api/users'), { kind: 'route', name: '/api/users' })
  t.same(parseResource('resource', 'au/web-svc.emojivoto:80'), {
    kind: 'authority',
    name: 'web-svc.emojivoto:80',
  })
})

t.test('what is no resource is refused with the parameter, the value and what is allowed', async (t) => {
  const refused: readonly (readonly [string, RegExp])[] = [
    [
      '',
      /^"" names no kind of resource; it is KIND or KIND\/NAME, where KIND is one of cluster, namespace \(ns\)/,
    ],
    ['web', /^"web" names no kind .* pod \(po\), service \(svc\)/],
    ['deploy/', /^"deploy\/" has no name after the slash$/],
    ['all/x', /"all" takes no name/],
    ['deploy/emojivoto/web', /more than one slash/],
    [`deploy/${'x'.repeat(2000)}`, /^"deploy\/x{93}…" has a name of 2000 characters; at most 1024/],
  ]
  for (const [text, message] of refused) {
    const error = t.throws(() => parseResource('to', text)) as unknown as RequestError
    t.type(error, RequestError)
    t.match(error.message, message, text.slice(0, 20))
    t.same([error.parameter, error.code], ['to', 'BAD_PARAMETER'])
  }
})

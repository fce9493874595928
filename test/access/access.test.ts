import t from 'tap'
import { Access } from '../../src/access/access.ts'
import { ALLOWANCES, type Grant } from '../../src/access/grant.ts'
import { parsePolicy, type Policy } from '../../src/access/policy.ts'

const grant = (
  namespaces: string[],
  allow: Grant['allow'] extends ReadonlySet<infer A> ? A[] : never,
  clusters = ['*'],
): Grant => ({
  clusters,
  namespaces,
  allow: new Set(allow),
})

const accessTo = (...grants: Grant[]) =>
  new Access({ kind: 'jwt', subject: 'alice', groups: [], claimed: [], expiresMs: 0 }, grants)

t.test('a question is answered from where all that it needs is granted', async (t) => {
  const access = accessTo(grant(['shop', 'pay-*'], ['stat']), grant(['pay-1'], ['stat', 'paths'], ['east']))
  t.match(access.visible(['stat']), { kind: 'some', places: ['*/pay-*', '*/shop', 'east/pay-1'] })
  t.match(access.visible(['stat', 'paths']), {
    kind: 'some',
    id: '[["east","pay-1"]]',
    places: ['east/pay-1'],
  })
  t.throws(() => access.visible(['tap']), /alice is not granted tap in any namespace/)
  const all = accessTo(grant(['*'], ['stat']))
  t.match(all.visible(['stat']), { kind: 'everything' })
  t.throws(() => all.visible(['stat', 'paths']), /not granted stat and paths/)
  const split = accessTo(grant(['a'], ['stat']), grant(['b'], ['paths']))
  t.throws(
    () => split.visible(['stat', 'paths']),
    /in any namespace/,
    'each in its own namespace is not both',
  )
})

t.test('what a question names must be granted', async (t) => {
  const access = accessTo(grant(['shop', 'pay-*'], ['stat']), grant(['data'], ['stat'], ['east']))
  for (const [named, isGranted] of [
    [{}, true],
    [{ namespace: 'shop' }, true],
    [{ namespace: 'pay-1', cluster: 'west' }, true],
    [{ namespace: 'pay' }, false],
    [{ namespace: 'data' }, true],
    [{ namespace: 'data', cluster: 'west' }, false],
    [{ cluster: 'west' }, true],
  ] as const) {
    if (isGranted) t.ok(access.visible(['stat'], [named]), JSON.stringify(named))
    else t.throws(() => access.visible(['stat'], [named]), { code: 'NOT_GRANTED' }, JSON.stringify(named))
  }
  t.throws(
    () => access.visible(['stat'], [{ namespace: 'shop' }, { namespace: 'data', cluster: 'west' }]),
    /in namespace data of cluster west, only in \*\/pay-\*, \*\/shop, east\/data/,
  )
})

t.test('a view sees what one of its places matches', async (t) => {
  const visible = accessTo(grant(['shop', 'pay-*'], ['stat'], ['east', 'w?st'])).visible(['stat'])
  if (visible.kind !== 'some') throw new Error('everything is visible')
  for (const [cluster, namespace, isSeen] of [
    ['east', 'shop', true],
    ['west', 'pay-', true],
    ['wst', 'shop', false],
    ['east', '__overflow__', false],
    ['east', '', false],
  ] as const) {
    t.equal(visible.sees({ cluster, namespace }), isSeen, `${cluster}/${namespace}`)
  }
})

t.test(
  'views of different places are not taken for the same, whatever signs their patterns have',
  async (t) => {
    const two = [grant(['a', 'b'], ['stat'], ['east'])]
    const alike = [grant(['a,east/b'], ['stat'], ['east'])]
    const slashes = [grant(['b/c'], ['stat'], ['a']), grant(['c'], ['stat'], ['a/b'])]
    const views = [two, alike, slashes, slashes.slice(1)].map((grants) =>
      accessTo(...grants).visible(['stat']),
    )
    const ids = views.map((view) => (view.kind === 'some' ? view.id : ''))
    t.equal(new Set(ids).size, ids.length, ids.join(' '))
    const again = accessTo(grant(['b'], ['stat'], ['east']), grant(['a', 'b'], ['stat'], ['east']))
    t.match(again.visible(['stat']), { id: ids[0] }, 'of the same places there is one')
  },
)

t.test('a tap shows of each place what is granted there, and all where all is', async (t) => {
  t.equal(accessTo(grant(['*'], [...ALLOWANCES])).tapScopes([], []), undefined)
  t.strictSame(accessTo(grant(['b', 'a'], ['tap', 'paths']), grant(['c'], ['stat'])).tapScopes([], []), [
    { cluster: '*', namespace: 'a', paths: true, headers: false },
    { cluster: '*', namespace: 'b', paths: true, headers: false },
  ])
  t.strictSame(accessTo(grant(['*'], ['tap'])).tapScopes([], []), [
    { cluster: '*', namespace: '*', paths: false, headers: false },
  ])
  t.throws(() => accessTo(grant(['*'], ['tap'])).tapScopes(['headers'], []), /not granted tap and headers/)
})

t.test('grants are told to be the same while a policy is, and not when it was read anew', async (t) => {
  const text =
    "grants: [{groups: [a], namespaces: [shop], allow: [stat]}, {subjects: ['*'], namespaces: [web], allow: [tap]}]"
  const policy = parsePolicy(text, 'p')
  const of = (policy: Policy, ...groups: string[]) =>
    new Access({ kind: 'token', subject: 'bob', groups, digest: '' }, policy.grantsOf('bob', groups))
  t.ok(of(policy, 'a').hasGrantsOf(of(policy, 'a', 'b')))
  t.notOk(of(policy, 'a').hasGrantsOf(of(policy)))
  t.notOk(of(policy).hasGrantsOf(of(policy, 'a')))
  t.notOk(of(policy, 'a').hasGrantsOf(of(parsePolicy(text, 'p'), 'a')))
})

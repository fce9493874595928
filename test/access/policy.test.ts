import t from 'tap'
import { parsePolicy } from '../../src/access/policy.ts'

const POLICY = `
grants:
  - groups: [shop-team]
    namespaces: [shop, 'shop-*']
    allow: [stat, tap, paths]
  - subjects: [ci, 'dev-*']
    clusters: [east]
    namespaces: ['*']
    allow: [stat]
`

t.test('grants are for the subjects and groups that they name', async (t) => {
  const policy = parsePolicy(POLICY, 'policy.yaml')
  const granted = (subject: string, ...groups: string[]) =>
    policy
      .grantsOf(subject, groups)
      .map(({ clusters, namespaces }) => `${clusters.join()}/${namespaces.join()}`)
  t.strictSame(granted('alice', 'x', 'shop-team'), ['*/shop,shop-*'])
  t.strictSame(granted('dev-1'), ['east/*'])
  t.strictSame(granted('ci', 'shop-team'), ['*/shop,shop-*', 'east/*'])
  t.strictSame(granted('shop-team'), [], 'a group is no subject')
  t.strictSame(granted('alice', 'ci'), [])
  t.match(parsePolicy('grants: []', 'p').grantsOf('a', []), [])
})

t.test('what is wrong is said, all of it, with lines and what is allowed', async (t) => {
  for (const [text, message] of [
    ['grants: [', /^p:1: is not YAML/],
    ['', 'p:1: must have keys and values: grants'],
    ['rules: []', 'p:1: rules there is no rules here, only grants'],
    ['a: &x 1\ngrants: *x', 'p: aliases (*name) are not read: write out what they stand for'],
    ['grants: 1', 'p:1: grants must be a list of at most 1000'],
    [
      'grants:\n  - subjects: [a]\n    allow: [stat, see]\n    namespaces: [a]',
      'p:3: grants.0.allow.1 "see" is none of stat, tap, paths, headers',
    ],
    [
      'grants:\n  - allow: [stat]\n  - subjects: [a]\n    namespace: [a]\n    allow: stat',
      [
        "p:2: grants.0 says not who it is for: give subjects (names and patterns, ['*'] for all) or groups",
        "p:2: grants.0 lacks namespaces: a list of names and patterns, ['*'] for all",
        'p:4: grants.1.namespace there is no namespace here, only subjects, groups, clusters, namespaces, allow',
        "p:3: grants.1 lacks namespaces: a list of names and patterns, ['*'] for all",
        'p:5: grants.1.allow must be a list of at most 1000',
      ].join('\n'),
    ],
  ] as const) {
    t.throws(() => parsePolicy(text, 'p'), { message }, text)
  }
})

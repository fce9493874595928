import t from 'tap'
import { CliError } from '../../src/cli/cli-error.ts'
import { selectionParameters, type SelectionFlags } from '../../src/cli/query-flags.ts'
import { parseResources, resourceText } from '../../src/cli/resources.ts'

t.test('resources are read as kubectl and Linkerd read them', async (t) => {
  const check = (args: string, want: string) =>
    t.equal(parseResources(args.split(' ')).map(resourceText).join(' '), want, args)
  check('deploy', 'deployment')
  check('DEPLOYMENTS', 'deployment')
  check('deploy/web', 'deployment/web')
  check('deploy web', 'deployment/web')
  check('po web-1 web-2', 'pod/web-1 pod/web-2')
  check('po/web-1 deploy/web', 'pod/web-1 deployment/web')
  check('deploy/ po/', 'deployment pod')
  check('deploy/web svc', 'deployment/web service')
  check('all', 'all')
  check('au/web-svc:80', 'authority/web-svc:80')
  check('route//api/vote', 'route//api/vote')
  check('route /api/vote', 'route//api/vote')
})

t.test('resources that cannot be are refused in the words of Linkerd', async (t) => {
  const check = (args: readonly string[], want: string | RegExp) => {
    try {
      parseResources(args)
      t.fail(`${args.join(' ')} was taken`)
    } catch (error) {
      t.ok(error instanceof CliError)
      t.match((error as CliError).message, want)
      t.equal((error as CliError).exitCode, 2)
    }
  }
  check([], /^No resource arguments provided/)
  check(['deployy'], /^Invalid resource string: "deployy"\. .* KIND is one of cluster, namespace \(ns\), /)
  check(['a/b/c'], /^Invalid resource string: "a\/b\/c"\. /)
  check(['deploy/a/b'], /^Invalid resource string: "deploy\/a\/b"\. .*more than one slash/)
  check(['deploy', 'po/x'], /^Invalid resource string: "deploy\/po\/x"\. /)
  check(['deploy/web', 'deploy/web'], 'cannot supply duplicate resources')
  check(['deploy/web', 'deployment/web'], 'cannot supply duplicate resources')
  check(['all', 'deploy'], "'all' can't be supplied alongside other resources")
  check(['deploy/web', 'all'], "'all' can't be supplied alongside other resources")
  check(
    Array.from({ length: 33 }, (_, i) => `po/${i}`),
    '33 resources are too many at once: give at most 32',
  )
})

t.test('flags that exclude each other are refused in the words of Linkerd', async (t) => {
  const check = (resource: string, flags: SelectionFlags, want: string | RegExp) => {
    const [parsed] = parseResources([resource])
    t.throws(() => selectionParameters(parsed, flags), { message: want, exitCode: 2 })
  }
  check('deploy', { to: 'po/a', from: 'po/b' }, '--to and --from flags are mutually exclusive')
  check(
    'deploy',
    { to: 'po/a', toNamespace: 'a', fromNamespace: 'b' },
    '--to-namespace and --from-namespace flags are mutually exclusive',
  )
  check(
    'deploy',
    { allNamespaces: true, namespace: 'a' },
    '--all-namespaces and --namespace flags are mutually exclusive',
  )
  check('ns', { namespace: 'a' }, '--namespace flag is incompatible with namespace resource type')
  check('cluster', { namespace: 'a' }, '--namespace flag is incompatible with cluster resource type')
  check(
    'po',
    { to: 'ns/a', toNamespace: 'a' },
    '--to-namespace flag is incompatible with namespace resource type',
  )
  check(
    'po',
    { from: 'ns/a', fromNamespace: 'a' },
    '--from-namespace flag is incompatible with namespace resource type',
  )
  check('po', { to: 'all' }, "resource type 'all' is not supported as a filter")
  check('po', { from: 'nope/x' }, /^--from: "nope\/x" names no kind of resource/)
})

t.test('flags become parameters under their own names', async (t) => {
  const [web] = parseResources(['deploy/web'])
  t.match(
    selectionParameters(web, {
      namespace: 'shop',
      cluster: 'east',
      from: 'sts/db',
      fromNamespace: 'x',
      fromCluster: 'west',
    }),
    {
      resource: 'deployment/web',
      namespace: 'shop',
      cluster: 'east',
      from: 'statefulset/db',
      from_namespace: 'x',
      from_cluster: 'west',
    },
  )
  // What is of no use is for the gateway to say.
  t.match(selectionParameters(web, { toNamespace: 'x' }), { to_namespace: 'x' })
})

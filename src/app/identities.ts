import { setTimeout as sleep } from 'node:timers/promises'
import type { Identify } from '../aggregator/record-decoder.ts'
import type { FileIdentities } from '../identity/identity-file.ts'
import type { Identities } from '../identity/identities.ts'
import type { KubernetesWatch } from '../identity/kubernetes/kubernetes-watch.ts'
import type { PodCounts } from '../query/pod-counts.ts'
import { named, openFile } from './doors.ts'
import { addIdentityMetrics } from './metrics/identity-metrics.ts'
import type { RoleContext } from './role-context.ts'

type Context = RoleContext<'serve' | 'aggregator' | 'gateway'>

/** How long a role waits until it knows who is where, milliseconds. */
const SETTLE_MS = 10_000

/** Who is at addresses, as far as settings say where to learn it. */
export interface OpenIdentities {
  readonly identify?: Identify
  /** What pods there are, where a cluster says so. */
  readonly pods?: PodCounts
  /**
   * Resolves once it is known who is where, or that takes too long: what is folded before then stays the address that it
   * is.
   */
  readonly settled: Promise<void>
}

/** Opens what tells who is at addresses. Closed with the role. */
export async function openIdentities(context: Context): Promise<OpenIdentities> {
  const { identities: path, kubernetes } = context.settings
  if (kubernetes.length === 0) addIdentityMetrics(context.metrics, undefined)
  if (path === undefined && kubernetes.length === 0) return { settled: Promise.resolve() }
  // The first that knows answers: what a person wrote outranks what a cluster says.
  const sources: Identities[] = []
  let settled = Promise.resolve()
  let pods: PodCounts | undefined
  if (path !== undefined) sources.push(await openIdentityFile(context, path))
  if (kubernetes.length > 0) {
    const opened = await openKubernetes(context)
    sources.push(opened.identities)
    settled = opened.settled
    pods = opened.pods
  }
  const { FlowIdentities } = await import('../identity/flow-identities.ts')
  const { JoinedIdentities } = await import('../identity/joined-identities.ts')
  const flows = new FlowIdentities(new JoinedIdentities(sources))
  return {
    identify: (columns, defaultCluster) => flows.identify(columns, defaultCluster),
    ...(pods === undefined ? {} : { pods }),
    settled,
  }
}

async function openIdentityFile(context: Context, path: string): Promise<Identities> {
  const { FileIdentities: Identified, parseIdentities } = await import('../identity/identity-file.ts')
  let identities: FileIdentities | undefined
  await openFile(
    'identities',
    path,
    (text) => {
      const rules = parseIdentities(text, path)
      if (identities === undefined) identities = new Identified(rules)
      else identities.replace(rules)
      return rules
    },
    context,
  )
  return identities!
}

async function openKubernetes({ settings, trouble, metrics, parts }: Context) {
  const { AddressBook } = await import('../identity/address-book.ts')
  const { openKubernetesApi } = await import('../identity/kubernetes/kubernetes-api.ts')
  const { KubernetesWatch: Watch } = await import('../identity/kubernetes/kubernetes-watch.ts')
  const book = new AddressBook({
    memoryMs: settings.identityMemory,
    capacity: settings.identityCapacity,
    now: Date.now,
  })
  const watches = settings.kubernetes.map(({ cluster, access }) => {
    const watch = new Watch({
      api: named('kubernetes', () => openKubernetesApi(access)),
      cluster,
      book,
      now: Date.now,
      onTrouble: (message) => trouble.report({ kind: 'kubernetes', message }),
    })
    watch.start()
    parts.add(`kubernetes ${cluster}`, () => watch.close())
    return { cluster, watch }
  })
  addIdentityMetrics(metrics, { book, capacity: settings.identityCapacity, watches })
  const { CountedPods } = await import('../query/pod-counts.ts')
  const pods = new CountedPods(
    watches.map(({ cluster, watch }) => ({ cluster, pods: () => watch.pods() })),
    Date.now,
  )
  return { identities: book, pods, settled: settledOf(watches.map(({ watch }) => watch)) }
}

async function settledOf(watches: readonly KubernetesWatch[]): Promise<void> {
  await Promise.race([
    Promise.all(watches.map((watch) => watch.settle())),
    sleep(SETTLE_MS, undefined, { ref: false }),
  ])
}

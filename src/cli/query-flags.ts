import { type Command, Option } from 'commander'
import type { ResourceRef } from '../rollup/resource-kind.ts'
import { usageError } from './cli-error.ts'
import type { QueryParameters } from './gateway-client.ts'
import { parseFlagResource, resourceText } from './resources.ts'

/** What narrows a question down. */
export interface SelectionFlags {
  readonly namespace?: string
  readonly allNamespaces?: true
  readonly cluster?: string
  readonly to?: string
  readonly toNamespace?: string
  readonly toCluster?: string
  readonly from?: string
  readonly fromNamespace?: string
  readonly fromCluster?: string
}

export interface WindowFlags {
  readonly timeWindow?: string
  readonly window?: string
}

export function addSelectionOptions(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'namespace of the resource; without it all namespaces')
    .option('-A, --all-namespaces', 'all namespaces, which is the default')
    .option('--cluster <name>', 'cluster of the resource; without it all clusters')
    .option('--to <resource>', 'only requests that the resource sends to this one')
    .option('--to-namespace <name>', 'namespace of --to; without it that of the resource')
    .option('--to-cluster <name>', 'cluster of --to')
    .option('--from <resource>', 'only requests that the resource gets from this one')
    .option('--from-namespace <name>', 'namespace of --from; without it that of the resource')
    .option('--from-cluster <name>', 'cluster of --from')
}

export function addWindowOptions(command: Command): Command {
  return command
    .option('-t, --time-window <span>', 'how far back: 30s, 5m, 1h30m, up to 7d; at least 10s (default: 1m)')
    .addOption(new Option('--window <span>', 'the same').hideHelp())
}

/** Parameters of a question about `resource`, after checking what can be checked without the gateway. */
export function selectionParameters(
  resource: ResourceRef | undefined,
  flags: SelectionFlags,
): QueryParameters {
  checkExclusive(flags)
  if (resource !== undefined && flags.namespace !== undefined) {
    checkInNamespace('--namespace', resource)
  }
  return {
    resource: resource && resourceText(resource),
    namespace: flags.namespace,
    cluster: flags.cluster,
    ...peerParameters('to', flags.to, flags.toNamespace, flags.toCluster),
    ...peerParameters('from', flags.from, flags.fromNamespace, flags.fromCluster),
  }
}

export function windowParameter({ timeWindow, window }: WindowFlags): QueryParameters {
  return { window: timeWindow ?? window }
}

/** Whether rows may be of several namespaces. */
export function spansNamespaces({ namespace }: SelectionFlags): boolean {
  return namespace === undefined
}

function peerParameters(
  role: 'to' | 'from',
  text: string | undefined,
  namespace: string | undefined,
  cluster: string | undefined,
): QueryParameters {
  if (text === undefined) {
    return { [`${role}_namespace`]: namespace, [`${role}_cluster`]: cluster }
  }
  const resource = parseFlagResource(`--${role}`, text)
  if (resource.kind === 'all') throw usageError("resource type 'all' is not supported as a filter")
  if (namespace !== undefined) checkInNamespace(`--${role}-namespace`, resource)
  return {
    [role]: resourceText(resource),
    [`${role}_namespace`]: namespace,
    [`${role}_cluster`]: cluster,
  }
}

function checkExclusive(flags: SelectionFlags): void {
  const pairs: readonly (readonly [unknown, string, unknown, string])[] = [
    [flags.to, '--to', flags.from, '--from'],
    [flags.toNamespace, '--to-namespace', flags.fromNamespace, '--from-namespace'],
    [flags.toCluster, '--to-cluster', flags.fromCluster, '--from-cluster'],
    [flags.allNamespaces, '--all-namespaces', flags.namespace, '--namespace'],
  ]
  for (const [one, oneName, other, otherName] of pairs) {
    if (one !== undefined && other !== undefined) {
      throw usageError(`${oneName} and ${otherName} flags are mutually exclusive`)
    }
  }
}

function checkInNamespace(flag: string, { kind }: ResourceRef): void {
  if (kind === 'namespace' || kind === 'cluster') {
    throw usageError(`${flag} flag is incompatible with ${kind} resource type`)
  }
}

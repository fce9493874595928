import { accessSync, constants } from 'node:fs'
import { settingsOf } from './setting.ts'
import { duration, listOf, readableFile, wholeNumber } from './value-types.ts'

const { setting, optional } = settingsOf('identities')

/** A cluster whose API is watched, and how it is reached. */
export interface KubernetesCluster {
  readonly cluster: string
  readonly access:
    | { readonly kind: 'in-cluster' }
    | { readonly kind: 'file'; readonly path: string; readonly context?: string }
}

function kubernetesCluster(text: string): KubernetesCluster {
  const [, cluster, where] = /^([\p{L}\p{N}._-]{1,253})=(.+)$/u.exec(text) ?? []
  if (cluster === undefined || where === undefined)
    throw new RangeError(
      'must be clusters and how each is reached, separated by commas: east=in-cluster,west=/etc/west.kubeconfig#context',
    )
  if (where === 'in-cluster') return { cluster, access: { kind: 'in-cluster' } }
  const [path = '', context] = where.split('#', 2)
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    throw new RangeError(
      `must be in-cluster or a kubeconfig for ${cluster}; ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`,
      { cause: error },
    )
  }
  return { cluster, access: { kind: 'file', path, ...(context === undefined ? {} : { context }) } }
}

/** Who is at the addresses that events name. */
export const IDENTITY_SETTINGS = {
  identities: optional(
    'identities',
    readableFile,
    'YAML file that says which workloads are at addresses and behind pod names; read again when it changes',
  ),
  kubernetes: setting(
    'kubernetes',
    '',
    listOf('<clusters>', kubernetesCluster),
    'clusters whose pods and services are watched, and how each is reached: east=in-cluster,west=/etc/west.kubeconfig#context',
  ),
  identityMemory: setting(
    'identity-memory',
    '1h',
    duration({ min: 60_000, max: 7 * 86_400_000 }),
    'how long a pod that is gone is remembered, for events that come late or are read again',
  ),
  identityCapacity: setting(
    'identity-capacity',
    '200000',
    wholeNumber({ min: 100, max: 10_000_000 }),
    'pods and services remembered at most; those that are gone make room, and what finds none stays an address',
  ),
} as const

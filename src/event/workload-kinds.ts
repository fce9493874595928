const KINDS = [
  'deployment',
  'statefulset',
  'daemonset',
  'replicaset',
  'replicationcontroller',
  'job',
  'cronjob',
  'pod',
  'service',
  'node',
]

const SINGULARS: ReadonlyMap<string, string> = new Map(KINDS.map((kind) => [`${kind}s`, kind]))

/** A workload kind in lower case, Kubernetes' own kinds in the singular: `Deployments` is `deployment`. */
export function normalizeKind(kind: string): string {
  const lower = kind.toLowerCase()
  return SINGULARS.get(lower) ?? lower
}

import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { authorityBoard } from './boards/authority.ts'
import { edgesBoard } from './boards/edges.ts'
import { healthBoard } from './boards/health.ts'
import { multiClusterBoard } from './boards/multi-cluster.ts'
import { namespaceBoard } from './boards/namespace.ts'
import { podBoard } from './boards/pod.ts'
import { routeBoard } from './boards/route.ts'
import { serviceBoard } from './boards/service.ts'
import { topLineBoard } from './boards/top-line.ts'
import { workloadBoard } from './boards/workload.ts'

/** All dashboards, in the order in which one goes deeper. */
export const DASHBOARDS: readonly Dashboard[] = [
  topLineBoard,
  multiClusterBoard,
  namespaceBoard,
  workloadBoard,
  podBoard,
  serviceBoard,
  routeBoard,
  authorityBoard,
  edgesBoard,
  healthBoard,
]

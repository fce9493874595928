import type { Command } from 'commander'
import type { CliContext } from './context.ts'

interface CommandModule {
  /** Gives the command its arguments, options, help and action. */
  configure(command: Command, context: CliContext): void
}

export interface CatalogueEntry {
  readonly name: string
  readonly summary: string
  /** Loads nothing but what this command needs. */
  readonly load: () => Promise<CommandModule>
}

export const COMMANDS: readonly CatalogueEntry[] = [
  {
    name: 'serve',
    summary: 'Take events in, fold them, and answer questions about them',
    load: () => import('./commands/serve.ts'),
  },
  {
    name: 'ingest',
    summary: 'Take events in, into Kafka',
    load: () => import('./commands/ingest.ts'),
  },
  {
    name: 'aggregator',
    summary: 'Fold events of Kafka into rollups in Redis',
    load: () => import('./commands/aggregator.ts'),
  },
  {
    name: 'gateway',
    summary: 'Answer questions about rollups in Redis',
    load: () => import('./commands/gateway.ts'),
  },
  {
    name: 'exporter',
    summary: 'Give figures to Prometheus',
    load: () => import('./commands/exporter.ts'),
  },
  {
    name: 'config',
    summary: 'The settings in force, and where they come from',
    load: () => import('./commands/config.ts'),
  },
  {
    name: 'stat',
    summary: 'Success rate, request rate and latency of resources',
    load: () => import('./commands/stat.ts'),
  },
  { name: 'top', summary: 'The calls with most requests, live', load: () => import('./commands/top.ts') },
  { name: 'tap', summary: 'Requests as they happen', load: () => import('./commands/tap.ts') },
  { name: 'edges', summary: 'Who calls whom', load: () => import('./commands/edges.ts') },
  {
    name: 'routes',
    summary: 'Success rate, request rate and latency by route',
    load: () => import('./commands/routes.ts'),
  },
  { name: 'push', summary: 'Send events from a file', load: () => import('./commands/push.ts') },
  {
    name: 'proxy',
    summary: 'A sidecar that reports the requests of a workload',
    load: () => import('./commands/proxy.ts'),
  },
  {
    name: 'demo',
    summary: 'A small mesh that sends itself requests',
    load: () => import('./commands/demo.ts'),
  },
]

import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { configureRole } from '../role-command.ts'

export function configure(command: Command, context: CliContext): void {
  configureRole(command, context, {
    role: 'aggregator',
    description:
      'Folds the events of its partitions into rollups in Redis. Start as many as there are partitions to share, at ' +
      'most; further ones stand by.',
    examples: [
      'aggregator --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379',
      'aggregator --config /etc/meshtap/meshtap.yaml --status-listen 0.0.0.0:9465',
    ],
    load: async () => (await import('../../app/aggregator-role.ts')).startAggregator,
  })
}

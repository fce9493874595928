import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { configureRole } from '../role-command.ts'

export function configure(command: Command, context: CliContext): void {
  configureRole(command, context, {
    role: 'exporter',
    description:
      'Gives Prometheus how far the partitions in Redis are folded. The figures of the mesh itself are not there yet.',
    examples: ['exporter --redis redis://127.0.0.1:6379', 'exporter --metrics-listen 0.0.0.0:9464'],
    load: async () => (await import('../../app/exporter-role.ts')).startExporter,
  })
}

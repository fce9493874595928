import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { configureRole } from '../role-command.ts'

export function configure(command: Command, context: CliContext): void {
  configureRole(command, context, {
    role: 'ingest',
    description: 'Takes events by HTTP into Kafka, and answers once Kafka has them.',
    examples: [
      'ingest --kafka 127.0.0.1:9092',
      'ingest --kafka kafka-1:9092,kafka-2:9092 --ingest-listen 0.0.0.0:4318 --allowed-hosts ingest',
    ],
    load: async () => (await import('../../app/ingest-role.ts')).startIngest,
  })
}

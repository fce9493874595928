import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { configureRole } from '../role-command.ts'

export function configure(command: Command, context: CliContext): void {
  configureRole(command, context, {
    role: 'gateway',
    description: 'Answers questions about what is in Redis, and streams taps: the HTTP API.',
    examples: [
      'gateway --redis redis://127.0.0.1:6379',
      'gateway --redis redis+sentinel://s1,s2,s3/mymaster --listen 0.0.0.0:8084 --allowed-hosts mesh.example.com',
    ],
    load: async () => (await import('../../app/gateway-role.ts')).startGateway,
  })
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { onPath, run } from './commands.ts'

const ROOT = join(import.meta.dirname, '..')

/** Whether there is a Docker engine that answers. */
export async function dockerAnswers(): Promise<boolean> {
  const docker = onPath('docker')
  if (docker === undefined) return false
  return run(docker, ['version', '--format', '{{.Server.Version}}'], 10_000).then(
    () => true,
    () => false,
  )
}

/** Services of docker-compose.yml that this machine's programs can use. */
export type DockerService = 'kafka' | 'valkey'

/**
 * Starts services as docker-compose.yml has them; resolves when they are healthy, with the address of each. What Docker
 * prints goes to the standard error.
 */
export async function startDocker(
  services: readonly DockerService[],
): Promise<Record<DockerService, string>> {
  await compose('up', '--detach', '--wait', ...services)
  const file: NodeJS.Dict<string> = parseEnv(readFileSync(join(ROOT, '.env'), 'utf8'))
  // As Docker Compose has it: the environment outranks the file.
  const value = (name: string) => process.env[name] ?? file[name]
  return {
    kafka: `127.0.0.1:${value('KAFKA_PORT')}`,
    valkey: `redis://:${value('VALKEY_PASSWORD')}@127.0.0.1:${value('VALKEY_PORT')}`,
  }
}

export async function stopDocker(services: readonly DockerService[]): Promise<void> {
  await compose('stop', ...services)
}

async function compose(...args: string[]): Promise<void> {
  // In a session of its own, so that a Ctrl-C does not reach it while it stops the services.
  const child = spawn('docker', ['compose', '--project-directory', ROOT, ...args], {
    detached: true,
    stdio: ['ignore', process.stderr, process.stderr],
  })
  const [status] = (await once(child, 'exit')) as [number | null]
  if (status !== 0) throw new Error(`docker compose ${args.join(' ')} failed`)
}

/** `npm run stack`: Kafka and Redis on this machine until Ctrl-C. */
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { lockDataDirectory } from '../src/log/embedded/data-directory-lock.ts'
import { dockerAnswers, type DockerService, startDocker, stopDocker } from './docker.ts'
import { isFree } from './free-port.ts'
import { startKafka } from './kafka.ts'
import { MissingPartError } from './missing-part.ts'
import { startRedis } from './redis.ts'

const HELP = `npm run stack -- [--directory <path>] [--docker]

Starts Kafka and Redis on this machine until Ctrl-C, and prints the two variables that make meshtap use them. One whose
variable is set already is not started. Natively where Java, Maven and Redis (or Python) are there, else by Docker.

  --directory <path>  where their data and logs are (default: meshtap-stack)
  --docker            by Docker in any case
`

/** Their usual ports, where those are free. */
const KAFKA_PORT = 9092
const REDIS_PORT = 6379

interface Running {
  readonly address: string
  stop(): Promise<void>
  /** Resolves when it is gone. */
  ended(): Promise<void>
}

interface Part {
  readonly name: string
  readonly variable: string
  readonly docker: DockerService
  start(directory: string): Promise<Running>
}

const PARTS: readonly Part[] = [
  {
    name: 'Kafka',
    variable: 'MESHTAP_KAFKA',
    docker: 'kafka',
    async start(directory) {
      const server = await startKafka({ directory: join(directory, 'kafka'), ...(await ifFree(KAFKA_PORT)) })
      return { address: server.brokers, stop: () => server.stop(), ended: () => server.ended() }
    },
  },
  {
    name: 'Redis',
    variable: 'MESHTAP_REDIS',
    docker: 'valkey',
    async start(directory) {
      const server = await startRedis({ directory: join(directory, 'redis'), ...(await ifFree(REDIS_PORT)) })
      return { address: server.url, stop: () => server.stop(), ended: () => server.ended() }
    },
  },
]

/** What runs, and how it is stopped. */
interface Stack {
  readonly addresses: readonly string[]
  stop(): Promise<void>
  /** Rejects when a part is gone; never resolves. */
  failed(): Promise<never>
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

async function ifFree(port: number): Promise<{ port?: number }> {
  return (await isFree(port)) ? { port } : {}
}

async function startNatively(parts: readonly Part[], directory: string): Promise<Stack> {
  const lock = await lockDataDirectory(directory)
  const running: Running[] = []
  const stop = async () => {
    await Promise.all(running.map((part) => part.stop()))
    await lock.release()
  }
  try {
    for (const part of parts) {
      say(`starting ${part.name} in ${join(directory, part.name.toLowerCase())}`)
      running.push(await part.start(directory))
    }
  } catch (error) {
    await stop()
    throw error
  }
  const failed = () =>
    Promise.race(
      running.map(async (part, i) => {
        await part.ended()
        throw new Error(`${parts[i]!.name} has ended; its log is in ${directory}`)
      }),
    )
  return { addresses: running.map(({ address }) => address), stop, failed }
}

async function startByDocker(parts: readonly Part[]): Promise<Stack> {
  const services = parts.map(({ docker }) => docker)
  const addresses = await startDocker(services)
  return {
    addresses: services.map((service) => addresses[service]),
    stop: () => stopDocker(services),
    // Docker starts again what ends.
    failed: () => new Promise(() => {}),
  }
}

async function start(parts: readonly Part[], directory: string, byDocker: boolean): Promise<Stack> {
  if (byDocker) return startByDocker(parts)
  try {
    return await startNatively(parts, directory)
  } catch (error) {
    if (!(error instanceof MissingPartError && (await dockerAnswers()))) throw error
    say(`${error.message}\nThere is a Docker engine: using that`)
    return startByDocker(parts)
  }
}

function printExports(addressOf: ReadonlyMap<Part, string>): void {
  for (const part of PARTS) {
    const address = addressOf.get(part)!
    const quoted = /^[\w.:/@,+-]+$/.test(address) ? address : `'${address.replaceAll("'", String.raw`'\''`)}'`
    process.stdout.write(`export ${part.variable}=${quoted}\n`)
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      directory: { type: 'string', default: 'meshtap-stack' },
      docker: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return void process.stdout.write(HELP)
  const addressOf = new Map<Part, string>()
  for (const part of PARTS) {
    const address = process.env[part.variable]
    if (address === undefined || address === '') continue
    say(`${part.variable} is set: using that ${part.name}, starting none`)
    addressOf.set(part, address)
  }
  const wanted = PARTS.filter((part) => !addressOf.has(part))
  if (wanted.length === 0) return printExports(addressOf)
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  const stack = await start(wanted, resolve(values.directory), values.docker)
  wanted.forEach((part, i) => addressOf.set(part, stack.addresses[i]!))
  printExports(addressOf)
  say('Ctrl-C stops what was started here; its data stay.')
  // A signal that is waited for does not keep a process.
  const alive = setInterval(() => {}, 2 ** 30)
  try {
    await Promise.race([stopped, stack.failed()])
  } finally {
    await stack.stop()
    clearInterval(alive)
  }
}

try {
  await main()
} catch (error) {
  say(`error: ${(error as Error).message}`)
  process.exitCode = 1
}

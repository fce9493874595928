import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../stack/free-port.ts'
import type { ComposeFile, ImageSettings } from './compose-file.ts'

const ROOT = new URL('../../', import.meta.url).pathname
const HEALTHY_WITHIN_MS = 60_000

interface Service {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly health: readonly string[] | undefined
  readonly after: readonly string[]
}

/**
 * The services of docker-compose.yml that run meshtap's image, as processes of this machine: the commands and variables
 * of their containers, but for addresses. What is in the image is taken from where the image has it from.
 */
export class ComposeProcesses {
  readonly #directory: string
  readonly #services: ReadonlyMap<string, Service>
  /** By name and port within the network of the containers: `kafka:9092`. */
  readonly #addresses: ReadonlyMap<string, string>
  #isKilled = false
  readonly #running = new Map<string, { child: ChildProcess; log: () => string }>()

  private constructor(
    directory: string,
    services: ReadonlyMap<string, Service>,
    addresses: ReadonlyMap<string, string>,
  ) {
    this.#directory = directory
    this.#services = services
    this.#addresses = addresses
  }

  /** `others` are the addresses of services that run another image. */
  static async of(
    file: ComposeFile,
    image: ImageSettings,
    others: Readonly<Record<string, string>>,
    directory: string,
  ): Promise<ComposeProcesses> {
    const ours = Object.entries(file.services).filter(([, service]) => service.image === 'meshtap')
    const addresses = new Map(Object.entries(others))
    const services = new Map<string, Service>()
    for (const [name, { command = [], environment = {}, healthcheck, depends_on: after = {} }] of ours) {
      const variables: Record<string, string> = { ...image.environment }
      for (const [variable, value] of Object.entries(environment)) variables[variable] = String(value)
      for (const [variable, value] of Object.entries(variables)) {
        const port = /^0\.0\.0\.0:(\d+)$/.exec(value)?.[1]
        if (port === undefined) continue
        // Containers have each their own ports; these share those of the machine.
        variables[variable] = `127.0.0.1:${await freePort()}`
        addresses.set(`${name}:${port}`, variables[variable])
      }
      services.set(name, {
        command: [...image.entrypoint, ...command].map((word) => onThisMachine(word, image)),
        environment: variables,
        health: healthcheck?.disable === true ? undefined : asked(healthcheck?.test, image),
        after: Object.keys(after),
      })
    }
    return new ComposeProcesses(directory, services, addresses)
  }

  get names(): readonly string[] {
    return [...this.#services.keys()]
  }

  /** Where on this machine `name:port` of the containers' network is. */
  address(nameAndPort: string): string {
    const address = this.#addresses.get(nameAndPort)
    if (address === undefined) throw new Error(`nothing serves at ${nameAndPort}`)
    return address
  }

  /** Starts all, each when those are healthy that it waits for; resolves when all are. */
  async start(): Promise<void> {
    const starts = new Map<string, Promise<void>>()
    const start = (name: string): Promise<void> => {
      const before = starts.get(name)
      if (before !== undefined) return before
      const service = this.#services.get(name)
      const started = Promise.all((service?.after ?? []).map(start)).then(() =>
        service === undefined ? undefined : this.#start(name, service),
      )
      starts.set(name, started)
      return started
    }
    try {
      await Promise.all(this.names.map(start))
    } catch (error) {
      // Those that were on their way.
      this.kill()
      await Promise.allSettled(starts.values())
      throw error
    }
  }

  /** What a service wrote. */
  log(name: string): string {
    return this.#running.get(name)?.log() ?? ''
  }

  /** Sends SIGTERM to all; the exit code and the time that each took. */
  async stop(): Promise<{ name: string; code: number | null; ms: number }[]> {
    const start = performance.now()
    return Promise.all(
      [...this.#running].map(async ([name, { child }]) => {
        if (child.exitCode === null && child.signalCode === null) {
          const exit = once(child, 'exit')
          child.kill('SIGTERM')
          await exit
        }
        return { name, code: child.exitCode, ms: performance.now() - start }
      }),
    )
  }

  kill(): void {
    this.#isKilled = true
    for (const { child } of this.#running.values()) child.kill('SIGKILL')
  }

  async #start(name: string, service: Service): Promise<void> {
    const env = { PATH: process.env['PATH'], ...this.#reachable(service.environment) }
    if (this.#isKilled) return
    const [command, ...args] = service.command
    const child = spawn(command!, args, { cwd: this.#directory, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let log = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log += String(chunk)))
    this.#running.set(name, { child, log: () => log })
    if (service.health === undefined) return
    for (const end = Date.now() + HEALTHY_WITHIN_MS; ; await sleep(400)) {
      const { ok, output } = await check(service.health, env, this.#directory)
      if (ok) return
      const ended = child.exitCode ?? child.signalCode
      if (ended !== null) throw new Error(`${name} ended with ${ended}: ${log}`)
      if (Date.now() > end) throw new Error(`${name} is not healthy: ${output}\n${log}`)
    }
  }

  /** Variables with the addresses of other containers as they are on this machine. */
  #reachable(environment: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(environment).map(([variable, value]) => [
        variable,
        value.replaceAll(/\b[a-z][a-z0-9-]*:\d+\b/g, (found) => this.address(found)),
      ]),
    )
  }
}

function asked(test: readonly string[] | undefined, image: ImageSettings): readonly string[] {
  const [kind, ...command] = test ?? ['CMD', ...image.healthcheck]
  if (kind !== 'CMD') throw new Error(`a health check of kind ${kind} cannot be run here`)
  return command.map((word) => onThisMachine(word, image))
}

/** A word of a command in the image as this machine has it: this Node, the sources in place of what is built of them. */
function onThisMachine(word: string, image: ImageSettings): string {
  if (word === 'node') return process.execPath
  if (word === 'dist/main.js') return `${ROOT}src/main.ts`
  const file = image.files[word]
  return file === undefined ? word : `${ROOT}${file}`
}

function check(
  [command, ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve) => {
    execFile(command!, args, { env, cwd, timeout: 10_000 }, (error, stdout, stderr) =>
      resolve({ ok: error === null, output: stdout + stderr }),
    )
  })
}

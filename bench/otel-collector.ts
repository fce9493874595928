import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { onPath, run } from '../stack/commands.ts'
import { freePort } from '../stack/free-port.ts'
import { installOnce } from '../stack/install-once.ts'
import { ServerProcess } from '../stack/server-process.ts'

const VERSION = '0.155.0'
const BUILDER = `go.opentelemetry.io/collector/cmd/builder@v${VERSION}`
const MANIFEST = join(import.meta.dirname, 'otel-collector/builder-config.yaml')
/** Where Go is looked for, besides what `PATH` has. */
const USUAL_PLACE = '/usr/local/go/bin/go'
/** It takes two or three of an idle machine. */
const BUILD_TIMEOUT_MS = 20 * 60_000

/** Builds the Collector once into the user's cache; answers the program, or why there is none. */
export async function otelCollector(): Promise<{ readonly program: string } | { readonly missing: string }> {
  const go = onPath('go') ?? (existsSync(USUAL_PLACE) ? USUAL_PLACE : undefined)
  try {
    const installed = await installOnce(`otel-collector-${VERSION}`, async (directory) => {
      if (go === undefined) throw new Error('there is no go on the PATH to build it with')
      await run('env', [`GOBIN=${directory}`, go, 'install', BUILDER], BUILD_TIMEOUT_MS)
      // The builder runs the go of the PATH, and writes where the manifest says, below where it runs.
      const path = `PATH=${dirname(go)}:/usr/bin:/bin`
      const builder = ['--chdir', directory, path, join(directory, 'builder'), '--config', MANIFEST]
      await run('env', builder, BUILD_TIMEOUT_MS)
    })
    return { program: join(installed, 'build/otlp-to-kafka') }
  } catch (error) {
    const [reason] = (error as Error).message.split('\n')
    return { missing: `the OpenTelemetry Collector could not be built: ${reason}` }
  }
}

export interface CollectorOptions {
  readonly program: string
  /** Holds its settings and what it prints. */
  readonly directory: string
  readonly brokers: string
  readonly topic: string
}

/**
 * A Collector that takes OTLP over gRPC into a topic, with the guarantees of `meshtap ingest`: it answers once all replicas
 * have the spans, by an idempotent producer, which it is with acks of all. It does neither by default: a queue in its memory
 * answers.
 */
export async function startCollector(options: CollectorOptions): Promise<{
  readonly address: string
  readonly server: ServerProcess
}> {
  const { program, directory, brokers, topic } = options
  const address = `127.0.0.1:${await freePort()}`
  const config = join(directory, `${topic}.yaml`)
  await writeFile(config, JSON.stringify(collectorConfig(address, brokers, topic)))
  const server = new ServerProcess({
    name: 'the OpenTelemetry Collector',
    command: program,
    args: ['--config', config],
    // It is measured on one core, and has as many threads as there are when it starts.
    environment: { GOMAXPROCS: '1' },
    logFile: join(directory, `${topic}.log`),
    readyText: 'Everything is ready',
  })
  await server.start()
  return { address, server }
}

/** JSON is YAML. */
function collectorConfig(endpoint: string, brokers: string, topic: string): object {
  return {
    receivers: { otlp: { protocols: { grpc: { endpoint } } } },
    exporters: {
      kafka: {
        brokers: brokers.split(','),
        traces: { topic, encoding: 'otlp_proto' },
        producer: { required_acks: -1, compression: 'lz4', linger: '5ms' },
        sending_queue: { enabled: false },
      },
    },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { traces: { receivers: ['otlp'], exporters: ['kafka'] } },
    },
  }
}

import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { benchSeries } from './exporter-series.ts'

export interface GoMeasured {
  readonly samples: number
  readonly cpuSeconds: number
  /** Of the process: the series included. */
  readonly peakMiB: number
}

/** Where Go is looked for, besides what `PATH` has. */
const USUAL_PLACE = '/usr/local/go/bin/go'

/** Builds bench/client-golang into a directory; answers the program, or why there is none. */
export function buildClientGolang(
  directory: string,
): { readonly program: string } | { readonly missing: string } {
  const go = existsSync(USUAL_PLACE) ? USUAL_PLACE : 'go'
  const program = join(directory, 'client-golang')
  const cwd = join(import.meta.dirname, 'client-golang')
  const { status, error, stderr } = spawnSync(go, ['build', '-o', program, '.'], { cwd, encoding: 'utf8' })
  if (status === 0) return { program }
  const [reason] = (error?.message ?? stderr).trim().split('\n')
  return { missing: `it could not be built: ${reason ?? 'unknown'}` }
}

export async function runClientGolang(program: string, count: number): Promise<GoMeasured> {
  const running = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
  const written = pipeline(Readable.from(lines(count)), running.stdin)
  const answer = await text(running.stdout)
  await written
  return JSON.parse(answer) as GoMeasured
}

function* lines(count: number): Generator<string> {
  for (const { namespace, name, pod, latencies } of benchSeries(count)) {
    yield `${namespace} ${name} ${pod} ${latencies.join(' ')}\n`
  }
}

import { rmSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'
import { ServeProcess } from '../../e2e/serve-process.ts'

export const TOKENS = {
  alice: 'alice-0123456789-token',
  alicesNext: 'alice-9876543210-token',
  admin: 'admin-0123456789-token',
  sender: 'sender-0123456789-token',
  wrong: 'wrong-0123456789-token',
} as const

export const CERTIFICATE = new URL('../../fixtures/tls/loopback-cert.pem', import.meta.url).pathname
const KEY = new URL('../../fixtures/tls/loopback-key.pem', import.meta.url).pathname

const ADMIN = "{subjects: [admin], namespaces: ['*'], allow: [stat, tap, paths]}"

export interface GuardedServe extends AsyncDisposable {
  readonly serve: ServeProcess
  /** A file of the test's own. */
  readonly file: (name: string, text: string) => string
  /** Changes what is in force within a second. */
  readonly setTokens: (...lines: string[]) => void
  readonly setGrant: (grant: string) => void
}

/** A real `meshtap serve` that asks who comes: admin sees all, alice what `grant` says, and sender sends. */
export async function guardedServe(
  t: Test,
  grant: string,
  { tls = false }: { readonly tls?: boolean } = {},
): Promise<GuardedServe> {
  const directory = t.testdir({ data: {} })
  const file = (name: string, text: string): string => {
    // Anew, so that it is another file even where it was written within the clock's last tick.
    rmSync(`${directory}/${name}`, { force: true })
    writeFileSync(`${directory}/${name}`, text)
    return `${directory}/${name}`
  }
  const tokens = (lines: readonly string[]) => file('tokens', [`admin ${TOKENS.admin}`, ...lines].join('\n'))
  const policy = (grant: string) => file('policy.yaml', `grants:\n  - ${ADMIN}\n  - ${grant}\n`)
  const serve = await ServeProcess.start(
    `${directory}/data`,
    '--access-tokens',
    tokens([`alice ${TOKENS.alice}`]),
    '--access-policy',
    policy(grant),
    '--ingest-tokens',
    file('ingest-tokens', `sender ${TOKENS.sender}\n`),
    ...(tls ? ['--tls-cert', CERTIFICATE, '--tls-key', KEY] : []),
  )
  t.teardown(() => serve.kill('SIGKILL'))
  return {
    serve,
    file,
    setTokens: (...lines) => void tokens(lines),
    setGrant: (grant) => void policy(grant),
    [Symbol.asyncDispose]: async () => void (await serve.kill('SIGTERM')),
  }
}

/** A file's worth of requests to deployments of the namespace, one for each path. */
export function requests(namespace: string, name: string, paths: readonly string[]): string {
  const time = new Date().toISOString()
  return paths
    .map((path) =>
      JSON.stringify({
        time,
        direction: 'inbound',
        latencyMicros: 1234,
        status: 200,
        method: 'GET',
        path,
        source: { namespace: 'other', kind: 'deployment', name: 'bot' },
        destination: { namespace, kind: 'deployment', name, pod: `${name}-1` },
      }),
    )
    .join('\n')
}

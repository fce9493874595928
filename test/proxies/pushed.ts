import { writeFileSync } from 'node:fs'
import type { Test } from 'tap'
import { runCli } from '../cli/run-cli.ts'
import { ServeProcess } from '../e2e/serve-process.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { storedEvents } from './stored-events.ts'

/** Sends lines by `meshtap push --mapping` to a `meshtap serve`; what that has in the end. */
export async function pushed(t: Test, mapping: string, lines: string): Promise<MeshEvent[]> {
  const directory = t.testdir()
  const file = `${directory}/access.log`
  writeFileSync(file, lines)
  const serve = await ServeProcess.start(`${directory}/data`)
  t.teardown(() => serve.kill('SIGKILL'))
  const { code, stderr } = await runCli(['push', file, '--mapping', mapping, '--ingest', serve.ingestUrl])
  t.equal(code, 0, stderr)
  await serve.kill('SIGTERM')
  return storedEvents(`${directory}/data`)
}

/** Rejects when it takes longer than 20 s. */
export async function until<T>(get: () => T, isWanted: (value: T) => boolean): Promise<T> {
  for (const end = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const value = get()
    if (isWanted(value)) return value
    if (Date.now() > end) throw new Error(`not as wanted: ${String(value).slice(-2000)}`)
  }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Journal } from '../../chaos/journal.ts'
import { System } from '../../chaos/system.ts'

/** A system until the test's end, and a journal among the test's comments. */
export async function systemForTest(
  t: Test,
  aggregators: number,
): Promise<{ readonly system: System; readonly journal: Journal }> {
  const directory = mkdtempSync(join(tmpdir(), 'meshtap-chaos-'))
  const system = await System.start({ directory, aggregators })
  t.teardown(async () => {
    await system.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return { system, journal: new Journal((line) => t.comment(line)) }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fileURLToPath } from 'node:url'
import { DirectoryLockedError, lockDataDirectory } from '../../../src/log/embedded/data-directory-lock.ts'
import { EmbeddedEventLog } from '../../../src/log/embedded/embedded-event-log.ts'

const SCRIPT = fileURLToPath(new URL('./locking-process.ts', import.meta.url))

/** Another process that tries to lock a directory; prints `locked`, or why it cannot. */
async function lockElsewhere(t: Test, path: string, shell = '') {
  const command = `${shell} exec '${process.execPath}' '${SCRIPT}' '${path}'`
  const child = spawn('sh', ['-c', command], {
    stdio: ['pipe', 'pipe', shell === '' ? 'inherit' : 'ignore'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [text] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  const end = async (signal: 'SIGKILL' | undefined) => {
    const exited = once(child, 'exit')
    if (signal === undefined) child.stdin.end()
    else child.kill(signal)
    await exited
  }
  return { pid: child.pid!, said: text.trim(), end }
}

t.test('a directory has one user; the next may come when it has left', async (t) => {
  const path = join(t.testdir({}), 'made', 'for', 'it')
  const lock = await lockDataDirectory(path)
  await t.rejects(lockDataDirectory(path), {
    name: 'DirectoryLockedError',
    code: 'DIRECTORY_LOCKED',
    pid: process.pid,
    message: `cannot use ${path}: it is in use by this process (${process.pid}) already; stop that one or use another directory`,
  })
  const other = await lockElsewhere(t, path)
  t.equal(
    other.said,
    `cannot use ${path}: it is in use by process ${process.pid}; stop that one or use another directory`,
  )
  await lock.release()
  await lock.release()
  const next = await lockDataDirectory(path)
  await lock.release()
  await t.rejects(
    lockDataDirectory(path),
    DirectoryLockedError,
    'a late release does not release another lock',
  )
  await next.release()
  t.equal(readdirSync(path).length, 1, 'one small file is left')
})

t.test('two processes cannot have one log open', async (t) => {
  const path = t.testdir({})
  const other = await lockElsewhere(t, path)
  t.equal(other.said, 'locked')
  const open = () => EmbeddedEventLog.open({ path, partitions: 1, maxBytes: 1e6, maxAgeMs: 1e6 })
  await t.rejects(open(), { code: 'DIRECTORY_LOCKED', pid: other.pid })
  await other.end(undefined)
  await (await open()).close()
})

t.test('what a killed process held is taken over at once', async (t) => {
  const path = t.testdir({})
  for (let i = 0; i < 3; i++) {
    const other = await lockElsewhere(t, path)
    t.equal(other.said, 'locked')
    await other.end('SIGKILL')
  }
  await (await lockDataDirectory(path)).release()
})

t.test('an owner that could not be written is none', async (t) => {
  const path = t.testdir({})
  const other = await lockElsewhere(t, path, 'ulimit -f 0;')
  t.equal(other.said, 'EFBIG: file too large, write')
  await (await lockDataDirectory(path)).release()
})

t.test('of many that see a dead owner one takes over', async (t) => {
  const path = t.testdir({})
  const dead = await lockElsewhere(t, path)
  await dead.end('SIGKILL')
  const others = await Promise.all(Array.from({ length: 6 }, () => lockElsewhere(t, path)))
  const winners = others.filter(({ said }) => said === 'locked')
  t.equal(winners.length, 1)
  for (const { said } of others) {
    if (said !== 'locked') t.match(said, `in use by process ${winners[0]!.pid};`)
  }
})

t.test('another process of the same id is not taken for the owner', async (t) => {
  const path = t.testdir({})
  const lock = await lockDataDirectory(path)
  const file = join(path, 'owner.1')
  const owner = JSON.parse(readFileSync(file, 'utf8')) as { startTicks?: number }
  await lock.release()
  if (owner.startTicks === undefined) return
  writeFileSync(file, JSON.stringify({ ...owner, startTicks: owner.startTicks - 1 }))
  await (await lockDataDirectory(path)).release()
})

t.test('an owner elsewhere counts as alive until it was silent for 20 s', async (t) => {
  const cases: Record<string, RegExp> = {
    [JSON.stringify({ pid: 1, place: 'there boot pid:[1]' })]:
      /by process 1 of there, heard of in the last 20 s/,
    '': /by a process that is just starting/,
    '{"pid": 1': /by a process that is just starting/,
  }
  for (const [i, [text, message]] of Object.entries(cases).entries()) {
    const path = join(t.testdir({}), `${i}`)
    await (await lockDataDirectory(path)).release()
    const file = join(path, 'owner.1')
    writeFileSync(file, text)
    const heardOf = (agoMs: number) => {
      const time = new Date(Date.now() - agoMs)
      utimesSync(file, time, time)
    }
    heardOf(10_000)
    await t.rejects(lockDataDirectory(path), { message })
    heardOf(21_000)
    await (await lockDataDirectory(path)).release()
  }
})

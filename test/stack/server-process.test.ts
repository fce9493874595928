import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startRedis } from '../../stack/redis.ts'
import { ServerStartError } from '../../stack/server-process.ts'

const REDIS = new URL('../../stack/redis.ts', import.meta.url).href

/** Resolves when there is no process of that id; a zombie has ended too. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await sleep(10)
  }
}

for (const [how, end] of [
  ['ends', ''],
  ['throws', `throw new Error('on purpose')`],
  ['is killed', `process.kill(process.pid, 'SIGKILL')`],
  ['is terminated', `process.kill(process.pid, 'SIGTERM')`],
]) {
  t.test(`a server is gone when the process that started it ${how}`, async (t) => {
    const script = `
      import { startRedis } from '${REDIS}'
      const server = await startRedis({ directory: '${t.testdir()}' })
      process.stdout.write(server.pid + '\\n', () => { ${end} })`
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [[printed]] = (await Promise.all([once(owner.stdout, 'data'), once(owner, 'exit')])) as [
      [Buffer],
      unknown,
    ]
    const pid = Number(printed.toString())
    t.ok(pid > 0)
    await gone(pid)
  })
}

t.test('a server whose port is taken fails with its own words', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const error = await startRedis({ directory: t.testdir(), port }).then(
    () => t.fail('it started'),
    (error: unknown) => error,
  )
  t.ok(error instanceof ServerStartError && error.portTaken)
  t.match(error, {
    code: 'STACK_START_FAILED',
    message: /Redis did not start: it ended[^]*Address already in use/,
  })
})

t.test('a setting that the server does not know fails with its own words', async (t) => {
  const starting = startRedis({ directory: t.testdir(), options: { 'no-such-setting': '1' } })
  await t.rejects(starting, { code: 'STACK_START_FAILED', message: /no-such-setting/ })
})

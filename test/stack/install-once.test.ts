import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import t from 'tap'

const MODULE = new URL('../../stack/install-once.ts', import.meta.url).href

/** A process that asks for `part`, whose install takes a while and writes its pid; what it printed. */
async function ask(cache: string, { body = '', times = 1 } = {}): Promise<string> {
  const script = `
    import { appendFileSync, writeFileSync } from 'node:fs'
    import { installOnce } from '${MODULE}'
    const install = () => installOnce('part', async (directory) => {
      appendFileSync('${cache}/installs', 'x')
      writeFileSync(directory + '/half', '')
      ${body}
      await new Promise((resolve) => setTimeout(resolve, 300))
      writeFileSync(directory + '/whole', '')
    })
    console.log((await Promise.all(Array.from({ length: ${times} }, install))).join(' '))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, XDG_CACHE_HOME: cache },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return printed.trim()
}

t.test('processes that ask at once wait for one install', async (t) => {
  const cache = t.testdir()
  const answers = await Promise.all([ask(cache), ask(cache), ask(cache), ask(cache)])
  t.strictSame(new Set(answers), new Set([`${cache}/meshtap/part`]))
  t.equal(readFileSync(`${cache}/installs`, 'utf8'), 'x')
  t.strictSame(readdirSync(`${cache}/meshtap`), ['part'], 'no lock and no half-way directory is left')
  t.strictSame(readdirSync(`${cache}/meshtap/part`).sort(), ['half', 'whole'])
})

t.test('who asks twice at once in one process waits for one install too', async (t) => {
  const cache = t.testdir()
  t.equal(await ask(cache, { times: 2 }), `${cache}/meshtap/part ${cache}/meshtap/part`)
  t.equal(readFileSync(`${cache}/installs`, 'utf8'), 'x')
})

t.test('an install that was killed is done again by the next who asks', async (t) => {
  const cache = t.testdir()
  t.equal(await ask(cache, { body: `process.kill(process.pid, 'SIGKILL')` }), '')
  t.notOk(readdirSync(`${cache}/meshtap`).includes('part'), 'it left nothing under the name')
  t.equal(await ask(cache), `${cache}/meshtap/part`)
  t.ok(readdirSync(`${cache}/meshtap/part`).includes('whole'))
})

t.test('an install that fails is an error to him who asked, and tried again by the next', async (t) => {
  const cache = t.testdir()
  t.equal(await ask(cache, { body: `throw new Error('no network')` }), '')
  t.strictSame(readdirSync(`${cache}/meshtap`), [])
  t.equal(await ask(cache), `${cache}/meshtap/part`)
})

t.test('a lock without a living holder holds nobody up', async (t) => {
  const cache = t.testdir({ meshtap: {} })
  const child = spawn('true')
  await once(child, 'exit')
  writeFileSync(`${cache}/meshtap/part.lock`, String(child.pid))
  t.equal(await ask(cache), `${cache}/meshtap/part`)
})

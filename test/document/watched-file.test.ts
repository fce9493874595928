import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { WatchedFile } from '../../src/document/watched-file.ts'

t.test('a file that changes is read again, and one that is broken or gone changes nothing', async (t) => {
  const path = join(t.testdir({ file: '1' }), 'file')
  const troubles: string[] = []
  let changes = 0
  const parse = (text: string) => {
    if (!/^\d+$/.test(text)) throw new RangeError(`${text} is no number`)
    return Number(text)
  }
  const file = await WatchedFile.open({
    path,
    parse,
    intervalMs: 3_600_000,
    onChange: () => changes++,
    onTrouble: (message) => troubles.push(message),
  })
  t.teardown(() => file.close())
  const write = async (text: string) => {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
    await file.look()
  }
  t.equal(file.value, 1)
  await write('2')
  t.equal(file.value, 2)
  await write('x')
  await file.look()
  t.equal(file.value, 2)
  t.strictSame(troubles, [`${path} is not taken, what it said before stays in force: x is no number`])
  rmSync(path)
  await file.look()
  t.match(troubles[1], /cannot be read: ENOENT/)
  await write('3')
  t.equal(file.value, 3)
  t.equal(changes, 2)
})

t.test('a text that is refused is parsed once, and told again when it comes back', async (t) => {
  const path = join(t.testdir({ file: 'good' }), 'file')
  let parsed = 0
  const troubles: string[] = []
  const file = await WatchedFile.open({
    path,
    parse: (text) => {
      parsed++
      if (text !== 'good') throw new RangeError(`${text} is not good`)
      return text
    },
    intervalMs: 3_600_000,
    onTrouble: (message) => troubles.push(message),
  })
  t.teardown(() => file.close())
  writeFileSync(path, 'bad')
  for (let i = 0; i < 5; i++) await file.look()
  t.equal(parsed, 2)
  writeFileSync(path, 'good again'.slice(0, 4))
  await file.look()
  writeFileSync(path, 'bad again')
  await file.look()
  t.equal(parsed, 4)
  t.equal(troubles.length, 2)
})

t.test('a file that cannot be read at first is an error', async (t) => {
  const path = join(t.testdir(), 'none')
  await t.rejects(WatchedFile.open({ path, parse: (text) => text, onTrouble: () => {} }), /ENOENT/)
})

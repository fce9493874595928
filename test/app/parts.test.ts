import t from 'tap'
import { Parts } from '../../src/app/parts.ts'

t.test('parts are closed once, the last opened first, whatever one of them does', async (t) => {
  const closed: string[] = []
  const parts = new Parts()
  for (const name of ['log', 'store', 'server']) {
    parts.add(name, async () => {
      t.equal(parts.current, name)
      closed.push(name)
      if (name !== 'log') throw new Error(`${name} failed`)
    })
  }
  const closing = parts.close()
  t.equal(parts.close(), closing)
  await t.rejects(closing, { message: 'server failed' })
  t.strictSame(closed, ['server', 'store', 'log'])
})

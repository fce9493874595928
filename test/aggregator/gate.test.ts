import t from 'tap'
import { Gate } from '../../src/aggregator/gate.ts'

t.test('so many run at once, the others in the order they came, also after failures', async (t) => {
  const gate = new Gate(3)
  const started: number[] = []
  const ends: ((error?: Error) => void)[] = []
  const runs = Array.from({ length: 8 }, (_, i) =>
    gate
      .run(() => {
        started.push(i)
        return new Promise<number>((resolve, reject) => {
          ends[i] = (error) => (error === undefined ? resolve(i) : reject(error))
        })
      })
      .catch(() => -1),
  )
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  await turn()
  t.same(started, [0, 1, 2])
  t.equal(gate.waiting, 5)
  ends[1]!(new Error('no'))
  await turn()
  t.same(started, [0, 1, 2, 3])
  for (let i = 0; i < 8; i++) {
    ends[i]?.()
    await turn()
    t.ok(gate.running <= 3)
  }
  t.same(await Promise.all(runs), [0, -1, 2, 3, 4, 5, 6, 7])
  t.equal(gate.running, 0)
  t.equal(gate.waiting, 0)
})

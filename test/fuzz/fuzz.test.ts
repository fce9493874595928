import { Buffer } from 'node:buffer'
import t from 'tap'
import { Dictionary } from '../../src/event/dictionary.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { fuzz } from '../../fuzz/fuzz.ts'
import { TARGETS } from '../../fuzz/targets.ts'

t.test('every decoder takes its samples whole', async (t) => {
  for (const { name, samples, decode } of TARGETS) {
    t.ok(samples.length > 0, name)
    for (const sample of samples) {
      const columns = new EventColumns(new Dictionary())
      t.doesNotThrow(() => decode(Buffer.from(sample), columns), name)
      t.ok(columns.requests > 0, name)
    }
  }
})

t.test('a damaged message is decoded or refused, soon and in bounded memory', async (t) => {
  for (const { target, inputs, decoded, faults } of fuzz({ seed: 7, inputs: 28_000 })) {
    t.strictSame(faults, [], target)
    t.ok(
      decoded > inputs / 50,
      `${target}: some of the damage is not noticed, so that all of a decoder is reached`,
    )
  }
})

t.test('the same seed gives the same inputs', async (t) => {
  const counts = () => fuzz({ seed: 3, inputs: 700 }).map(({ decoded }) => decoded)
  t.strictSame(counts(), counts())
})

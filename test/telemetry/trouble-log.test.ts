import t from 'tap'
import { TroubleLog } from '../../src/telemetry/trouble-log.ts'

t.test('trouble of one kind is logged once in 5 s, with the number left out since', async (t) => {
  let now = 1_000_000
  const lines: unknown[] = []
  const log = new TroubleLog({ warn: (fields, message) => lines.push([fields, message]) }, () => now)
  const store = log.of('store')
  store({ kind: 'open', message: 'first' })
  store({ kind: 'open', message: 'left out' })
  log.of('kafka')({ kind: 'open', message: 'another kind', partition: 'mesh.requests-1' })
  now += 4_999
  store({ kind: 'open', message: 'left out' })
  now += 1
  store({ kind: 'open', message: 'second' })
  now -= 100_000
  store({ kind: 'open', message: 'the clock was set back' })
  t.strictSame(lines, [
    [{ kind: 'store-open' }, 'first'],
    [{ kind: 'kafka-open', partition: 'mesh.requests-1' }, 'another kind'],
    [{ kind: 'store-open', suppressed: 2 }, 'second'],
    [{ kind: 'store-open' }, 'the clock was set back'],
  ])
})

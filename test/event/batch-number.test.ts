import t from 'tap'
import { batchNumberOf } from '../../src/event/batch-number.ts'
import { DecodeError } from '../../src/event/decode-error.ts'

t.test('the headers number a batch, or there are none', async (t) => {
  t.equal(batchNumberOf(undefined, undefined), undefined)
  for (const [producer, sequence] of [
    ['p', 1],
    ['otel-collector-7f/🦊', 2 ** 53 - 1],
    ['ü'.repeat(128), 64],
  ] as const) {
    t.same(batchNumberOf(producer, String(sequence)), { producer, sequence })
  }
})

t.test('what numbers nothing is refused with the header and the reason', async (t) => {
  const check = (producer: string | undefined, sequence: string | undefined, message: string) => {
    try {
      batchNumberOf(producer, sequence)
      t.fail(`${producer} ${sequence} was taken`)
    } catch (error) {
      t.ok(error instanceof DecodeError)
      t.equal((error as Error).message, message)
    }
  }
  const both = 'give both headers or neither'
  check('p', undefined, `meshtap-producer: numbers nothing without meshtap-sequence: ${both}`)
  check(undefined, '1', `meshtap-sequence: numbers nothing without meshtap-producer: ${both}`)
  check('', '1', 'meshtap-producer: must have 1 to 256 bytes, not 0')
  check('ü'.repeat(129), '1', 'meshtap-producer: must have 1 to 256 bytes, not 258')
  for (const sequence of ['', '0', '-1', '1.5', '1e3', ' 1', '01', '1, 2', 'x', '9007199254740992']) {
    check(
      'p',
      sequence,
      `meshtap-sequence: must be a whole number from 1 to 2^53 - 1, got ${JSON.stringify(sequence)}`,
    )
  }
})

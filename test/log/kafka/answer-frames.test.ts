import fc from 'fast-check'
import t from 'tap'
import { AnswerFrames } from '../../../src/log/kafka/answer-frames.ts'
import { ReusableMemory } from '../../../src/log/kafka/reusable-memory.ts'

t.test('answers are whole however they come', async (t) => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 4, max: 40 }), fc.constant(70_000)), { maxLength: 8 })
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 50_000 }), (lengths, step) => {
      const answers = lengths.map((length, i) => {
        const answer = Buffer.alloc(4 + length, i + 1)
        answer.writeInt32BE(length)
        return answer
      })
      const memory = new ReusableMemory()
      const taken: Buffer[] = []
      const frames = new AnswerFrames(memory, (answer) => {
        taken.push(Buffer.from(answer))
        memory.give(answer)
      })
      const all = Buffer.concat(answers)
      // As from a socket: out of one buffer.
      const buffer = Buffer.alloc(step)
      for (let at = 0; at < all.length; at += step) {
        const bytes = all.copy(buffer, 0, at, at + step)
        frames.push(buffer.subarray(0, bytes))
      }
      t.same(taken, answers)
    }),
    { seed: 3, numRuns: 50 },
  )
})

t.test('what is no answer of Kafka is refused', async (t) => {
  for (const text of ['HTTP/1.1 400 Bad Request', '\xff\xff\xff\xff', '\0\0\0\x03']) {
    const frames = new AnswerFrames(new ReusableMemory(), () => t.fail('nothing came'))
    t.throws(() => frames.push(Buffer.from(text, 'latin1')), /an answer of -?\d+ bytes is none of Kafka's/)
  }
})

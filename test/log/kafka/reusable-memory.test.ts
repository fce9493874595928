import t from 'tap'
import { GrowingBytes, ReusableMemory } from '../../../src/log/kafka/reusable-memory.ts'

t.test('what is given back is given to the next who needs as much', async (t) => {
  const memory = new ReusableMemory()
  const buffer = memory.take(100_000)
  t.equal(buffer.length, 114_688)
  t.equal(buffer.byteOffset, 0)
  t.not(memory.take(100_000).buffer, buffer.buffer, 'not while it is in use')
  memory.give(buffer.subarray(7, 9))
  t.not(memory.take(200_000).buffer, buffer.buffer, 'not to one who needs more')
  t.not(memory.take(33_000).buffer, buffer.buffer, 'not to one who needs but a little')
  t.equal(memory.take(70_000).buffer, buffer.buffer)
})

t.test('memory given back twice, or made elsewhere, is not given to two', async (t) => {
  const memory = new ReusableMemory()
  const buffer = memory.take(65_536)
  memory.give(buffer)
  memory.give(buffer)
  const elsewhere = Buffer.allocUnsafeSlow(65_536)
  memory.give(elsewhere)
  const taken = [1, 2, 3].map(() => memory.take(65_536).buffer)
  t.equal(new Set([...taken, elsewhere.buffer]).size, 4)
})

t.test('who keeps all is given new memory each time', async (t) => {
  const memory = new ReusableMemory(0)
  const buffer = memory.take(65_536)
  memory.give(buffer)
  t.not(memory.take(65_536).buffer, buffer.buffer)
})

t.test('no more than 64 MiB wait for use', async (t) => {
  const memory = new ReusableMemory()
  const buffers = Array.from({ length: 80 }, () => memory.take(2 ** 20))
  for (const buffer of buffers) memory.give(buffer)
  const known = new Set(buffers.map(({ buffer }) => buffer))
  const again = Array.from({ length: 80 }, () => memory.take(2 ** 20))
  t.equal(again.filter(({ buffer }) => known.has(buffer)).length, 64)
})

t.test('bytes grow without a change to those there are, up to a limit', async (t) => {
  const bytes = new GrowingBytes(new ReusableMemory(), 10, 300_000)
  for (let i = 0; i < 300; i++) bytes.append(new Uint8Array(1000).fill(i))
  t.equal(bytes.length, 300_000)
  for (let i = 0; i < 300; i++) {
    if (bytes.bytes[i * 1000] !== (i & 0xff) || bytes.bytes[i * 1000 + 999] !== (i & 0xff))
      t.fail(`part ${i}`)
  }
  t.throws(() => bytes.append(Uint8Array.of(0)), /would become 300001 bytes, of which it may have 300000/)
})

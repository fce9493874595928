import t from 'tap'
import type { ValueType } from '../../src/config/setting.ts'
import {
  choice,
  duration,
  hostPort,
  listOf,
  onOff,
  pemFile,
  readableFile,
  size,
  wholeNumber,
} from '../../src/config/value-types.ts'

const ANY = { min: 0, max: Number.MAX_SAFE_INTEGER }

t.test('values are read as they are written', async (t) => {
  const check = <T>({ parse }: ValueType<T>, text: string, want: T) => t.strictSame(parse(text), want, text)
  check(size(ANY), '3KiB', 3072)
  check(size(ANY), '17', 17)
  check(duration(ANY), '1.5s', 1500)
  check(duration(ANY), '2d', 172_800_000)
  check(hostPort, '[::1]:80', { host: '::1', port: 80 })
  check(hostPort, ':0', { host: '127.0.0.1', port: 0 })
  check(onOff, 'true', true)
  check(onOff, 'off', false)
  check(choice('<letter>', 'a', 'b'), 'b', 'b')
  check(
    listOf('<names>', (part) => part.toUpperCase()),
    ' a, ,b ',
    ['A', 'B'],
  )
})

t.test('what is no such value is refused with what is allowed', async (t) => {
  const check = <T>({ parse }: ValueType<T>, text: string, want: RegExp) =>
    t.throws(() => parse(text), { name: 'RangeError', message: want })
  check(size({ min: 16, max: 32 }), '15', /^must be a size such as 512MiB or 1GiB, from 16 to 32 bytes$/)
  check(duration(ANY), '5', /^must be a duration such as 500ms/)
  check(wholeNumber({ min: 1, max: 9 }), '1e0', /^must be a whole number from 1 to 9$/)
  check(hostPort, '127.0.0.1:99999', /^must be an address such as/)
  check(onOff, 'yes', /^must be on or off$/)
  check(choice('<letter>', 'a', 'b'), 'c', /^must be one of a, b$/)
  check(readableFile, '/no/such', /^must name a file that can be read \(ENOENT\)$/)
  check(pemFile, t.testdir({ 'ca.pem': 'hello' }) + '/ca.pem', /^must be a file in PEM form/)
})

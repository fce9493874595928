import t from 'tap'
import {
  byteSize,
  bytesPerSecond,
  fixed,
  goDuration,
  grouped,
  percent,
  perSecond,
  tenthsOfMs,
  wholeMs,
} from '../../../src/cli/printers/number-format.ts'

t.test('numbers have decimals as Go prints them: exact ties go to the even digit', async (t) => {
  const check = (value: number, digits: number, want: string) =>
    t.equal(fixed(value, digits), want, `${value} with ${digits} decimals`)
  check(0.25, 1, '0.2')
  check(0.75, 1, '0.8')
  check(2.5, 0, '2')
  check(3.5, 0, '4')
  check(0.125, 2, '0.12')
  check(0.375, 2, '0.38')
  check(12.25, 1, '12.2')
  check(-0.25, 1, '-0.2')
  // Not exact ties in binary: just below, just above.
  check(2.05, 1, '2.0')
  check(0.15, 1, '0.1')
  check(0.35, 1, '0.3')
  check(1.005, 2, '1.00')
  check(0, 2, '0.00')
  check(99.999, 2, '100.00')
  check(123_456_789.25, 1, '123456789.2')
})

t.test('values have the formats of Linkerd, and a dash where they are not known', async (t) => {
  const table: readonly (readonly [string, string])[] = [
    [percent(1), '100.00%'],
    [percent(0.98214), '98.21%'],
    [percent(0), '0.00%'],
    [percent(null), '-'],
    [perSecond(123 / 60), '2.0rps'],
    [perSecond(0.04), '0.0rps'],
    [perSecond(null), '-'],
    [wholeMs(123), '123ms'],
    [wholeMs(1.5), '2ms'],
    [wholeMs(2.5), '3ms'],
    [wholeMs(2.49), '2ms'],
    [wholeMs(0.5), '1ms'],
    [wholeMs(0.4), '<1ms'],
    [wholeMs(0), '0ms'],
    [wholeMs(null), '-'],
    [tenthsOfMs(0.413), '0.4ms'],
    [tenthsOfMs(0.04), '<0.1ms'],
    [tenthsOfMs(0), '0.0ms'],
    [tenthsOfMs(123), '123.0ms'],
    [tenthsOfMs(null), '-'],
    [bytesPerSecond(2.05), '2.0B/s'],
    [bytesPerSecond(null), '-'],
  ]
  for (const [got, want] of table) t.equal(got, want)
})

t.test('durations have the text of Go, rounded as Linkerd rounds them', async (t) => {
  const check = (ms: number | null, want: string) => t.equal(goDuration(ms), want, `${ms} ms`)
  check(null, '-')
  check(0, '0s')
  check(0.0004, '0s')
  check(0.001, '1µs')
  check(0.413, '413µs')
  check(0.9996, '1ms')
  check(1, '1ms')
  check(17.2, '17ms')
  check(999.4, '999ms')
  check(999.6, '1s')
  check(1499, '1s')
  check(2100, '2s')
  check(59_600, '1m0s')
  check(65_000, '1m5s')
  check(3_600_000, '1h0m0s')
  check(5_025_000, '1h23m45s')
})

t.test('sizes and counts are for people', async (t) => {
  t.equal(byteSize(0), '0B')
  t.equal(byteSize(1023), '1023B')
  t.equal(byteSize(1024), '1.0KiB')
  t.equal(byteSize(1536), '1.5KiB')
  t.equal(byteSize(1024 * 1024 - 1), '1.0MiB')
  t.equal(grouped(0), '0')
  t.equal(grouped(999), '999')
  t.equal(grouped(1234), '1,234')
  t.equal(grouped(1_234_567), '1,234,567')
})

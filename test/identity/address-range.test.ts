import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { addressRange, canonicalAddress, numericAddress, prefixOf } from '../../src/identity/address-range.ts'

t.test('an address has one form however it is written', async (t) => {
  for (const [text, form] of [
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:a00:1', '10.0.0.1'],
    ['0:0:0:0:0:ffff:10.0.0.1', '10.0.0.1'],
    ['FD00:0::1', 'fd00::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['10.0.0.1:80', undefined],
    ['10.0.0', undefined],
    ['', undefined],
  ] as const)
    t.equal(canonicalAddress(text), form, text)
})

t.test('what is no range is none, and one of IPv4 in IPv6 is one of IPv4', async (t) => {
  for (const text of [
    '10.0.0.0/33',
    'fd00::/129',
    '::ffff:10.0.0.0/95',
    '10.0.0.0/',
    '10.0.0/8',
    'a/8',
    '/8',
  ])
    t.equal(addressRange(text), undefined, text)
  t.strictSame(addressRange('::ffff:10.0.0.0/104'), addressRange('10.0.0.0/8'))
  t.match(addressRange('10.0.0.1'), { version: 4, bits: 32 })
})

t.test('an address is in the ranges that Node says it is in', async (t) => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6())
  fc.assert(
    fc.property(address, address, fc.nat(128), fc.boolean(), (base, text, bits, isNear) => {
      const [network, other] = [canonicalAddress(base)!, canonicalAddress(isNear ? base : text)!]
      const version = isIP(network)
      const range = addressRange(`${network}/${Math.min(bits, version === 4 ? 32 : 128)}`)!
      const { version: otherVersion, value } = numericAddress(other)
      const isIn =
        otherVersion === range.version && prefixOf(value, otherVersion, range.bits) === range.prefix
      const block = new BlockList()
      block.addSubnet(network, range.bits, version === 4 ? 'ipv4' : 'ipv6')
      return isIn === (isIP(other) === version && block.check(other, version === 4 ? 'ipv4' : 'ipv6'))
    }),
    { seed: 11, numRuns: 500 },
  )
  t.pass()
})

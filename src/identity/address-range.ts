import { isIP, SocketAddress } from 'node:net'

/** Addresses of one version that share their first `bits`. */
export interface AddressRange {
  readonly version: 4 | 6
  readonly bits: number
  /** What they share, as a number. */
  readonly prefix: bigint
}

/** An address that ranges are compared with. */
export interface NumericAddress {
  readonly version: 4 | 6
  readonly value: bigint
}

const LENGTHS = { 4: 32, 6: 128 } as const

/** Of an IPv6 address that holds an IPv4. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i
const MAPPED_BITS = 96

/**
 * An address as it is compared: IPv6 in its shortest form without its zone, one that holds an IPv4 as the IPv4. Undefined
 * where it is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  const version = isIP(text)
  if (version !== 6) return version === 4 ? text : undefined
  const { address } = new SocketAddress({ address: text, family: 'ipv6' })
  return MAPPED.exec(address)?.[1] ?? address
}

/** Reads an address, or a range such as `10.1.0.0/16`. Undefined where it is neither. */
export function addressRange(text: string): AddressRange | undefined {
  const [, written = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const address = canonicalAddress(written)
  if (address === undefined) return undefined
  const { version, value } = numericAddress(address)
  const isMapped = version === 4 && isIP(written) === 6
  const given = bits === undefined ? LENGTHS[version] : Number(bits) - (isMapped ? MAPPED_BITS : 0)
  if (given < 0 || given > LENGTHS[version]) return undefined
  return { version, bits: given, prefix: prefixOf(value, version, given) }
}

/** The first bits of an address. */
export function prefixOf(value: bigint, version: 4 | 6, bits: number): bigint {
  return value >> BigInt(LENGTHS[version] - bits)
}

/** Of an address as `canonicalAddress` writes it. */
export function numericAddress(address: string): NumericAddress {
  if (!address.includes(':')) return { version: 4, value: BigInt(ipv4(address)) }
  const [head = '', tail] = address.split('::')
  const [before, after] = [groupsOf(head), groupsOf(tail ?? '')]
  const left = 8 - before.length - after.length
  const groups = [...before, ...Array.from({ length: left }, () => 0), ...after]
  return { version: 6, value: groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n) }
}

/** Numbers of 16 bits; the last two may be written as an IPv4. */
function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const value = ipv4(group)
    return [value >>> 16, value & 0xffff]
  })
}

function ipv4(text: string): number {
  return text.split('.').reduce((value, byte) => ((value << 8) | Number(byte)) >>> 0, 0)
}

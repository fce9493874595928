import { BlockList, isIP, SocketAddress } from 'node:net'

/** Addresses that share their first `bits`. */
export interface AddressRange {
  readonly bits: number
  /** Of an address as `canonicalAddress` writes it. */
  contains(address: string): boolean
}

/**
 * An address as it is compared: IPv6 in its shortest form, one that holds an IPv4 as the IPv4. Undefined where it is no
 * address.
 */
export function canonicalAddress(text: string): string | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1] ?? text
  const version = isIP(mapped)
  if (version === 0) return undefined
  return version === 4 ? mapped : new SocketAddress({ address: mapped, family: 'ipv6' }).address
}

/** Reads an address, or a range such as `10.1.0.0/16`. Undefined where it is neither. */
export function addressRange(text: string): AddressRange | undefined {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  if (version === 0) return undefined
  const longest = version === 4 ? 32 : 128
  const prefix = bits === undefined ? longest : Number(bits)
  if (prefix > longest) return undefined
  const family = version === 4 ? 'ipv4' : 'ipv6'
  const block = new BlockList()
  block.addSubnet(address, prefix, family)
  return {
    bits: prefix,
    contains: (other) => isIP(other) === version && block.check(other, family),
  }
}

import { isIP } from 'node:net'

/** Whether a host, an IPv6 address without brackets, is this machine and no other. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.')
  return host === '::1' || host === 'localhost'
}

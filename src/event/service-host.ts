import { hasPrefix, indexOfByte, lastIndexOfByte } from './otlp-bytes.ts'

const SVC = new TextEncoder().encode('svc')

const DOT = 0x2e
const SEMICOLON = 0x3b
const BAR = 0x7c

/** Where the name of a service is in a message, and that of its namespace. Filled again and again. */
export class ServiceHost {
  nameStart = 0
  nameEnd = 0
  /** Equal to `namespaceEnd` where the host names no namespace. */
  namespaceStart = 0
  namespaceEnd = 0

  /**
   * Reads the name of Envoy's upstream cluster, for a service if Istio named it: `reviews` in `default` out of
   * `outbound|9080|v2|reviews.default.svc.cluster.local;`.
   */
  readUpstream(bytes: Uint8Array, start: number, end: number): void {
    const to = bytes[end - 1] === SEMICOLON ? end - 1 : end
    const bar = lastIndexOfByte(bytes, start, to, BAR)
    this.read(bytes, bar < 0 ? start : bar + 1, to)
  }

  /** Reads a service's name, out of a host of Kubernetes as well: `reviews.default.svc.cluster.local`. */
  read(bytes: Uint8Array, start: number, end: number): void {
    const nameEnd = indexOfByte(bytes, start, end, DOT)
    const namespaceEnd = indexOfByte(bytes, nameEnd + 1, end, DOT)
    const suffix = namespaceEnd + 1
    const isHost =
      hasPrefix(bytes, suffix, end, SVC) &&
      (suffix + SVC.length === end || bytes[suffix + SVC.length] === DOT)
    this.nameStart = start
    this.nameEnd = isHost ? nameEnd : end
    this.namespaceStart = isHost ? nameEnd + 1 : end
    this.namespaceEnd = isHost ? namespaceEnd : end
  }
}

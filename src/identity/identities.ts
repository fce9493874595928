import type { Tenure } from './address-book.ts'

/** What knows who is at an address, and who has a pod's name. */
export interface Identities {
  /** Rises whenever an answer may have changed. */
  readonly version: number
  /** Who had an address at a time, epoch milliseconds. */
  atAddress(cluster: string, ip: string, atMs: number): Tenure
  /** Who had a pod's name; without a namespace only where no other namespace has it too. */
  ofPod(cluster: string, namespace: string, pod: string, atMs: number): Tenure
}

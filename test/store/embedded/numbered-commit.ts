import type { PartitionId } from '../../../src/log/event-log.ts'
import type { BlobAddress } from '../../../src/store/rollup-store.ts'
import { random } from '../../random.ts'

export const PARTITION: PartitionId = 'mesh.requests-0'
export const TOTAL: BlobAddress = { kind: 'total' }
export const STAT: BlobAddress = { kind: 'stat', tier: '10s', startMs: 0 }

/** Up to 30,000 bytes that an offset decides. */
export function blobFor(offset: number): Uint8Array {
  const size = Math.floor(random(offset)() * 30_000)
  const blob = new Uint8Array(8 + size).fill(offset & 0xff)
  new DataView(blob.buffer).setFloat64(0, offset)
  return blob
}

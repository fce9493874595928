import type { PartitionMeta } from '../rollup-store.ts'

/** What the store keeps of a partition itself. */
export interface PartitionRecord {
  readonly epoch: number
  /** Of the last commit: the version of the blobs that it wrote. */
  readonly sequence: number
  /** Undefined until the first commit. */
  readonly meta: PartitionMeta | undefined
}

interface Stored {
  readonly epoch: number
  readonly sequence: number
  readonly meta?: Omit<PartitionMeta, 'producers'>
}

/** The length of a JSON text, the text, and the producers' windows. */
export function encodePartitionRecord({ epoch, sequence, meta }: PartitionRecord): Buffer {
  const { producers, ...rest } = meta ?? { producers: new Uint8Array() }
  const stored = { epoch, sequence, ...(meta === undefined ? {} : { meta: rest }) }
  const text = Buffer.from(JSON.stringify(stored))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text, producers])
}

export function decodePartitionRecord(value: Uint8Array): PartitionRecord {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const end = 4 + bytes.readUInt32BE(0)
  const { epoch, sequence, meta } = JSON.parse(bytes.toString('utf8', 4, end)) as Stored
  const producers = new Uint8Array(value.subarray(end))
  return { epoch, sequence, meta: meta === undefined ? undefined : { ...meta, producers } }
}

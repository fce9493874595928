import type { BatchNumber } from './batch-number.ts'
import { DecodeError } from './decode-error.ts'
import { MAX_PRODUCER_BYTES } from './limits.ts'
import { ProtobufReader, WIRE } from './protobuf-reader.ts'

/** The number within an EventBatch, however malformed the rest of it is; undefined where it has none. */
export function batchNumberIn(bytes: Uint8Array): BatchNumber | undefined {
  const reader = new ProtobufReader(bytes)
  let producer = ''
  let sequence = 0
  try {
    while (!reader.done) {
      const field = reader.tag()
      if (field === 1 && reader.wireType === WIRE.bytes) {
        const outer = reader.enter()
        if (reader.end - reader.pos > MAX_PRODUCER_BYTES) return undefined
        producer = reader.rest()
        reader.leave(outer)
      } else if (field === 2 && reader.wireType === WIRE.varint) sequence = reader.varint()
      else reader.skip()
    }
  } catch (error) {
    // What was read before the fault counts: encoders write the two first.
    if (!(error instanceof DecodeError)) throw error
  }
  return producer === '' || sequence === 0 ? undefined : { producer, sequence }
}

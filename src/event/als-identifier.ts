import { ProtobufReader, WIRE } from './protobuf-reader.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/** Who sends access logs, as far as it says of which workload it is. */
export interface AlsIdentifier {
  readonly nodeId: string
  readonly nodeCluster: string
  readonly logName: string
  /** Texts of the node's metadata, those of `METADATA_KEYS` only; of a list of texts, the first. */
  readonly metadata: ReadonlyMap<string, string>
}

/** Keys of a node's metadata that say what it is of: those that Istio writes, and plain words. */
export const METADATA_KEYS = {
  cluster: ['CLUSTER_ID', 'cluster'],
  namespace: ['NAMESPACE', 'namespace'],
  workload: ['WORKLOAD_NAME', 'workload'],
  owner: ['OWNER'],
  deployment: ['deployment'],
  statefulset: ['statefulset'],
  daemonset: ['daemonset'],
  cronjob: ['cronjob'],
  job: ['job'],
  replicaset: ['replicaset'],
  pod: ['POD_NAME', 'pod', 'NAME'],
  service: ['service', 'CANONICAL_SERVICE'],
  ip: ['INSTANCE_IPS', 'ip'],
} as const

const KNOWN_KEYS: ReadonlySet<string> = new Set(Object.values(METADATA_KEYS).flat())

/** Longest text kept of an identifier, in UTF-16 units: more than any name of Kubernetes has. */
const MAX_TEXT = 512

const IDENTIFIER = 1
const NODE = { id: 1, cluster: 2, metadata: 3 } as const
const LOG_NAME = 2
const STRUCT_PAIR = 1
const VALUE = { string: 3, list: 6 } as const

/** A StreamAccessLogsMessage taken apart; put together again, identifier first, it is one. */
export interface SplitAccessLogs {
  /** The message's own identifier, cut down to what says who sends it; undefined where it has none. */
  readonly identifier: Uint8Array | undefined
  readonly entries: Uint8Array
}

/**
 * Takes the identifier out of a message. Only the first of a stream has one, which Envoy fills with all its extensions:
 * 63 KB. Throws a DecodeError where the bytes are no such message.
 */
export function splitAccessLogs(bytes: Uint8Array): SplitAccessLogs {
  const reader = new ProtobufReader(bytes)
  let identifier: AlsIdentifier | undefined
  let start = 0
  const rest: Uint8Array[] = []
  while (!reader.done) {
    const at = reader.pos
    if (reader.tag() !== IDENTIFIER || reader.wireType !== WIRE.bytes) {
      reader.skip()
      continue
    }
    rest.push(bytes.subarray(start, at))
    const outer = reader.enter()
    identifier = readIdentifier(reader)
    reader.leave(outer)
    start = reader.pos
  }
  if (identifier === undefined) return { identifier: undefined, entries: bytes }
  rest.push(bytes.subarray(start))
  return { identifier: encodeIdentifier(identifier), entries: joined(rest) }
}

/** Reads the Identifier that `reader` has entered. */
export function readIdentifier(reader: ProtobufReader): AlsIdentifier {
  let nodeId = ''
  let nodeCluster = ''
  let logName = ''
  const metadata = new Map<string, string>()
  eachMessage(reader, (field) => {
    if (field === LOG_NAME) logName = text(reader)
    else if (field === 1) {
      eachMessage(reader, (field) => {
        if (field === NODE.id) nodeId = text(reader)
        else if (field === NODE.cluster) nodeCluster = text(reader)
        else if (field === NODE.metadata) readMetadata(reader, metadata)
      })
    }
  })
  return { nodeId, nodeCluster, logName, metadata }
}

function encodeIdentifier({ nodeId, nodeCluster, logName, metadata }: AlsIdentifier): Uint8Array {
  const writer = new ProtobufWriter(512)
  writer.message(IDENTIFIER, () => {
    writer.message(1, () => {
      writer.string(NODE.id, nodeId)
      writer.string(NODE.cluster, nodeCluster)
      writer.message(NODE.metadata, () => {
        for (const [key, value] of metadata) {
          writer.message(STRUCT_PAIR, () => {
            writer.string(1, key)
            writer.message(2, () => writer.string(VALUE.string, value))
          })
        }
      })
    })
    writer.string(LOG_NAME, logName)
  })
  return writer.finish()
}

function readMetadata(reader: ProtobufReader, metadata: Map<string, string>): void {
  eachMessage(reader, (field) => {
    if (field !== STRUCT_PAIR) return
    let key = ''
    let value = ''
    eachMessage(reader, (field) => {
      if (field === 1) key = text(reader)
      else if (field === 2) value = readValue(reader)
    })
    if (value !== '' && KNOWN_KEYS.has(key)) metadata.set(key, value)
  })
}

/** A value that is a text, or a list of values of which the first is one. */
function readValue(reader: ProtobufReader): string {
  let value = ''
  eachMessage(reader, (field) => {
    if (field === VALUE.string) value = text(reader)
    else if (field === VALUE.list) {
      eachMessage(reader, (field) => {
        if (field !== 1 || value !== '') return
        // No list within: nothing nests any deeper.
        eachMessage(reader, (field) => {
          if (field === VALUE.string) value = text(reader)
        })
      })
    }
  })
  return value
}

/** Calls `take` with each field that has bytes, entered; what it leaves is skipped. */
function eachMessage(reader: ProtobufReader, take: (field: number) => void): void {
  while (!reader.done) {
    const field = reader.tag()
    if (reader.wireType !== WIRE.bytes) {
      reader.skip()
      continue
    }
    const outer = reader.enter()
    take(field)
    reader.leave(outer)
  }
}

function text(reader: ProtobufReader): string {
  return reader.rest().slice(0, MAX_TEXT)
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import type { Call, End, Outcome } from './mesh.ts'
import type { ConnectionMade, EventMade, RequestMade } from './truth.ts'

const PROTO = readFileSync(new URL('../proto/event_batch.proto', import.meta.url), 'utf8')
const EventBatch = protobuf.parse(PROTO).root.lookupType('meshtap.v1.EventBatch')

/** Values in the order in which they were first asked for; index 1 is the first. */
class Table<V> {
  readonly values: V[] = []
  readonly #indices = new Map<unknown, number>()

  index(key: unknown, value: () => V): number {
    let index = this.#indices.get(key)
    if (index === undefined) {
      index = this.values.push(value())
      this.#indices.set(key, index)
    }
    return index
  }
}

interface FlowRow {
  readonly call: Call
  /** Undefined for connections. */
  readonly path: string | undefined
}

/** A numbered batch by proto/event_batch.proto, written by protobufjs: nothing of it is meshtap's code. */
export function encodeEventBatch(
  producer: string,
  sequence: number,
  events: readonly EventMade[],
): Uint8Array {
  const strings = new Table<string>()
  const text = (value: string | undefined) =>
    value === undefined || value === '' ? 0 : strings.index(value, () => value)
  const endpoints = new Table<End>()
  const endpoint = (end: End) => endpoints.index(end, () => end)
  const flows = new Table<FlowRow>()
  const flowOf = (call: Call, path: string | undefined) =>
    flows.index(`${call.index} ${path ?? 'connection'}`, () => ({ call, path }))
  const outcomes = new Table<Outcome>()

  const requests = events.filter((event): event is RequestMade => event.kind === 'request')
  const connections = events.filter((event): event is ConnectionMade => event.kind === 'connection')
  const requestFlow = requests.map(({ call, path }) => flowOf(call, path))
  const outcome = requests.map(({ outcome }) => outcomes.index(outcome, () => outcome))
  const connectionFlow = connections.map(({ call }) => flowOf(call, undefined))
  const rows = flows.values
  const flowColumns = {
    flags: rows.map(({ call }) => flagsOf(call)),
    source: rows.map(({ call }) => endpoint(call.source)),
    destination: rows.map(({ call }) => endpoint(call.destination)),
    authority: rows.map(({ call, path }) => (path === undefined ? 0 : text(call.authority))),
    method: rows.map(({ call, path }) => (path === undefined ? 0 : text(call.method))),
    route: rows.map(({ call, path }) =>
      path !== undefined && call.path.isNamed ? text(call.path.route) : 0,
    ),
    path: rows.map(({ path }) => text(path)),
    proxy: rows.map(({ call }) => text(call.proxy)),
  }
  const ends = endpoints.values
  const message = {
    producer,
    sequence,
    endpoints: {
      cluster: ends.map((end) => text(end.cluster)),
      namespace: ends.map((end) => text(end.namespace)),
      kind: ends.map((end) => text(end.kind)),
      name: ends.map((end) => text(end.name)),
      pod: ends.map((end) => text(end.pod)),
      service: ends.map((end) => text(end.service)),
      ip: ends.map((end) => text(end.ip)),
    },
    flows: flowColumns,
    outcomes: {
      statusPlusOne: outcomes.values.map(({ status = -1 }) => status + 1),
      grpcStatusPlusOne: outcomes.values.map(({ grpcStatus = -1 }) => grpcStatus + 1),
      reset: outcomes.values.map(({ reset }) => (reset ? 1 : 0)),
      reason: outcomes.values.map(({ reason }) => text(reason)),
    },
    requests: {
      ...timesOf(requests),
      flow: requestFlow,
      outcome,
      latencyMicros: requests.map(({ latencyMicros }) => latencyMicros),
      requestBytes: requests.map(({ requestBytes }) => requestBytes),
      responseBytes: requests.map(({ responseBytes }) => responseBytes),
    },
    connections: {
      ...timesOf(connections),
      flow: connectionFlow,
      openPlusOne: connections.map(({ open }) => open + 1),
      opened: connections.map(({ opened }) => opened),
      closed: connections.map(({ closed }) => closed),
      readBytes: connections.map(({ readBytes }) => readBytes),
      writtenBytes: connections.map(({ writtenBytes }) => writtenBytes),
    },
    strings: strings.values,
  }
  return EventBatch.encode(message).finish()
}

function flagsOf({ direction, tls }: Call): number {
  return (direction === 'outbound' ? 1 : 0) | (tls === undefined ? 0 : 2) | (tls === true ? 4 : 0)
}

function timesOf(events: readonly EventMade[]): {
  readonly baseTimeMs: number
  readonly timeDeltaMs: number[]
} {
  const baseTimeMs = events[0]?.timeMs ?? 0
  return {
    baseTimeMs,
    timeDeltaMs: events.map(({ timeMs }, i) => timeMs - (events[i - 1]?.timeMs ?? baseTimeMs)),
  }
}

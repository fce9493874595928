import t from 'tap'
import { decoded, decodedJson, messageOf, SERVER } from './otlp-decoding.ts'
import { type JsonSpan, toProtobuf } from './otlp-reference.ts'

type Values = Readonly<Record<string, unknown>>

export interface Case {
  readonly name: string
  readonly attributes?: Values
  readonly resource?: Values
  readonly span?: JsonSpan
  /** What the event has beyond the plain span's. */
  readonly want: Values
}

const PLAIN = { kind: 'request', timeMs: 1_661_145_617_086, latencyMicros: 1234 }

/** Each case is decoded from protobuf and from OTLP/JSON. */
export function check(kind: number, cases: readonly Case[]): void {
  for (const { name, attributes = {}, want, ...rest } of cases) {
    t.test(name, (t) => {
      const message = messageOf(kind, attributes, rest)
      const direction =
        kind === SERVER
          ? { direction: 'inbound', destination: {} }
          : { direction: 'outbound', destination: {} }
      const events = [{ ...PLAIN, ...direction, ...want }]
      t.same(decoded(toProtobuf(message)).events, events, 'from protobuf')
      t.same(decodedJson(message).events, events, 'from JSON')
      t.end()
    })
  }
}

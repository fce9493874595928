import { Dictionary } from '../../src/event/dictionary.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import { decodeOtlpTraces } from '../../src/event/otlp-decoder.ts'
import { decodeOtlpTracesJson } from '../../src/event/otlp-json-decoder.ts'
import { attributesOf, type JsonRequest, type JsonSpan } from './otlp-reference.ts'

export interface Decoded {
  readonly events: readonly MeshEvent[]
  readonly skipped: number
  readonly unknownFields: number
}

export function decoded(bytes: Uint8Array): Decoded {
  return taken((columns) => decodeOtlpTraces(bytes, columns))
}

export function decodedJson(json: unknown): Decoded {
  const text = typeof json === 'string' ? json : JSON.stringify(json)
  return taken((columns) => decodeOtlpTracesJson(new TextEncoder().encode(text), columns))
}

function taken(decode: (columns: EventColumns) => void): Decoded {
  const columns = new EventColumns(new Dictionary())
  decode(columns)
  return { events: eventsOf(columns), skipped: columns.skipped, unknownFields: columns.unknownFields }
}

export const SERVER = 2
export const CLIENT = 3

/** A message with one span of plain attributes, which ends 1,234 µs after it starts. */
export function messageOf(
  kind: number,
  attributes: Readonly<Record<string, unknown>>,
  rest: { readonly resource?: Readonly<Record<string, unknown>>; readonly span?: JsonSpan } = {},
): JsonRequest {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(rest.resource ?? {}) },
        scopeSpans: [
          {
            spans: [
              {
                kind,
                startTimeUnixNano: '1661145617085456942',
                endTimeUnixNano: '1661145617086691000',
                attributes: attributesOf(attributes),
                ...rest.span,
              },
            ],
          },
        ],
      },
    ],
  }
}

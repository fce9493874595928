import t from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import { decodeJson } from '../../src/event/json-decoder.ts'
import { decodeOtlpTraces } from '../../src/event/otlp-decoder.ts'
import { emptyColumns } from '../event/columns.ts'
import { boutiqueNdjson, boutiqueOtlpMessages, boutiqueRequests } from './convert.ts'

/** Counted with awk over the file, by the pods' names without their last two parts. */
const EDGES = {
  'checkoutservice → cartservice': 10,
  'checkoutservice → emailservice': 5,
  'checkoutservice → paymentservice': 5,
  'checkoutservice → productcatalogservice': 11,
  'checkoutservice → shippingservice': 10,
  'frontend → adservice': 56,
  'frontend → cartservice': 99,
  'frontend → checkoutservice': 5,
  'frontend → currencyservice': 391,
  'frontend → productcatalogservice': 491,
  'frontend → recommendationservice': 73,
  'frontend → shippingservice': 31,
  'recommendationservice → productcatalogservice': 73,
}

function edgesOf(events: readonly RequestEvent[]): Record<string, number> {
  const edges: Record<string, number> = {}
  for (const { source, destination } of events) {
    const edge = `${source?.name} → ${destination.name}`
    edges[edge] = (edges[edge] ?? 0) + 1
  }
  return edges
}

/** By trace, time and path: OTLP groups by reporter. */
function sorted(events: readonly RequestEvent[]): RequestEvent[] {
  return [...events].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

function keyOf({ traceId, timeMs, path, latencyMicros }: RequestEvent): string {
  return `${traceId} ${timeMs} ${path} ${latencyMicros}`
}

t.test('the requests are those that another tool counts', (t) => {
  const requests = boutiqueRequests()
  t.equal(requests.length, 1260)
  t.same(edgesOf(requests), EDGES)
  t.same(requests[0], {
    kind: 'request',
    timeMs: 1_661_145_617_090,
    direction: 'inbound',
    source: { namespace: 'boutique', kind: 'deployment', name: 'frontend', pod: 'frontend-579b9bff58-t2dbm' },
    destination: {
      namespace: 'boutique',
      kind: 'deployment',
      name: 'productcatalogservice',
      pod: 'productcatalogservice-668d5f85fb-wckp8',
    },
    path: '/hipstershop.ProductCatalogService/GetProduct',
    latencyMicros: 3495,
    traceId: '02467b3cce0e9146c31581b80139ccbd',
  })
  t.end()
})

t.test('as OTLP and as JSON they are the same requests', (t) => {
  const requests = boutiqueRequests()
  const columns = emptyColumns()
  for (const message of boutiqueOtlpMessages()) decodeOtlpTraces(message, columns)
  t.same(sorted(eventsOf(columns) as RequestEvent[]), sorted(requests))
  columns.clear()
  decodeJson(new TextEncoder().encode(boutiqueNdjson()), columns)
  t.same(eventsOf(columns), requests)
  t.end()
})

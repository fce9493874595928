import { random } from '../random.ts'
import { attributesOf, type JsonSpan, toProtobuf } from './otlp-reference.ts'

/** Spans begin in the second after this. */
export const STARTED_NANOS = 1_795_512_480_000_000_000n

/** Spans as an SDK's HTTP server instrumentation sends them (OTel's Java agent): 14 attributes, 600 bytes each. */
export function sdkServerMessage(spans: number, seed: number): Uint8Array {
  const next = random(seed)
  return toProtobuf({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(RESOURCE) },
        scopeSpans: [
          {
            scope: { name: 'io.opentelemetry.tomcat-10.0', version: '2.22.0-alpha' },
            spans: Array.from({ length: spans }, () => sdkServerSpan(next)),
          },
        ],
      },
    ],
  })
}

const RESOURCE = {
  'service.name': 'orders',
  'service.namespace': 'shop',
  'service.instance.id': '627cc493-f310-47de-96bd-71410b7dec09',
  'service.version': '2.14.1',
  'telemetry.sdk.language': 'java',
  'telemetry.sdk.name': 'opentelemetry',
  'telemetry.sdk.version': '1.58.0',
  'k8s.cluster.name': 'east',
  'k8s.namespace.name': 'shop',
  'k8s.deployment.name': 'orders',
  'k8s.replicaset.name': 'orders-668d5f85fb',
  'k8s.pod.name': 'orders-668d5f85fb-wckp8',
  'k8s.pod.ip': '10.42.3.17',
}

function sdkServerSpan(next: () => number): JsonSpan {
  const pick = (count: number): number => Math.floor(next() * count)
  const hex = (digits: number): string => Array.from({ length: digits }, () => pick(16).toString(16)).join('')
  const start = STARTED_NANOS + BigInt(pick(1e9))
  const peer = `10.42.${pick(4)}.${pick(5)}`
  return {
    traceId: hex(32),
    spanId: hex(16),
    parentSpanId: hex(16),
    name: 'GET /api/v2/customers/{customer}/orders/{order}',
    kind: 2,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + BigInt(100_000 + pick(50_000_000))),
    attributes: attributesOf({
      'http.request.method': 'GET',
      'http.route': '/api/v2/customers/{customer}/orders/{order}',
      'url.scheme': 'http',
      'url.path': `/api/v2/customers/${1000 + pick(50)}/orders/${100_000 + pick(20)}`,
      'http.response.status_code': next() < 0.98 ? 200 : 503,
      'server.address': 'orders.shop.svc',
      'server.port': 8080,
      'client.address': peer,
      'network.peer.address': peer,
      'network.peer.port': 32_768 + pick(28_000),
      'network.protocol.version': '1.1',
      'user_agent.original': 'Apache-HttpClient/5.5 (Java/21)',
      'thread.id': 40 + pick(200),
      'thread.name': `http-nio-8080-exec-${pick(200)}`,
    }),
    flags: 257,
  }
}

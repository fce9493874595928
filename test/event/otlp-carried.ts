import * as fc from 'fast-check'
import type { Endpoint, RequestEvent } from '../../src/event/event.ts'
import { WORKLOAD_KINDS } from '../../src/event/otlp-conventions.ts'
import { requestEvent } from './arbitraries.ts'

/** Times that OTLP holds: from latest latencies on to the year 2554. */
const times = fc.integer({ min: 1_200_000_000, max: 18_446_744_073_709 })

/** Requests whose texts mean in OTLP what they mean elsewhere: no address with a port, no host of Kubernetes. */
export const requestForOtlp: fc.Arbitrary<RequestEvent> = fc
  .tuple(requestEvent, times)
  .map(([event, timeMs]) => ({
    ...event,
    timeMs,
    ...(event.source === undefined ? {} : { source: plain(event.source) }),
    destination: plain(event.destination),
  }))

function plain(endpoint: Endpoint): Endpoint {
  return {
    ...endpoint,
    ...(endpoint.ip === undefined ? {} : { ip: endpoint.ip.replaceAll(/[:[]/g, '.') }),
    ...(endpoint.service === undefined ? {} : { service: endpoint.service.replaceAll('.', '-') }),
  }
}

/** What OTLP carries of a request: `docs/otlp.md`, "What OTLP cannot carry". */
export function carried(event: RequestEvent): RequestEvent {
  const { source, destination, reset, status, tls, ...rest } = event
  const inbound = event.direction === 'inbound'
  const from = source && (inbound ? peerSource(source) : reporter(source))
  const hasAnswer = (status !== undefined && status !== 0) || event.grpcStatus !== undefined
  const isTls = tls ?? (event.scheme === 'https' ? true : undefined)
  return {
    ...rest,
    ...(from === undefined || Object.keys(from).length === 0 ? {} : { source: from }),
    destination: inbound ? reporter(destination) : peerDestination(destination),
    ...(status === undefined || status === 0 ? {} : { status }),
    ...(reset === true && !hasAnswer ? { reset } : {}),
    ...(isTls === undefined ? {} : { tls: isTls }),
  }
}

/** A reporter's own port and identity are not told; a service alone is taken for a workload. */
function reporter(endpoint: Endpoint): Endpoint {
  const { kind, name, ...rest } = without(endpoint, 'port', 'identity')
  if (name !== undefined) {
    return { ...rest, kind: WORKLOAD_KINDS.find((known) => known === kind) ?? 'deployment', name }
  }
  return rest.service === undefined ? rest : { ...rest, kind: 'deployment', name: rest.service }
}

function peerSource(endpoint: Endpoint): Endpoint {
  return peerDestination(without(endpoint, 'port', 'service'))
}

function peerDestination({ kind, ...rest }: Endpoint): Endpoint {
  return rest.name === undefined ? rest : { ...rest, kind: kind ?? 'deployment' }
}

function without(endpoint: Endpoint, ...fields: readonly (keyof Endpoint)[]): Endpoint {
  return Object.fromEntries(
    Object.entries(endpoint).filter(([field]) => !fields.some((one) => one === field)),
  )
}

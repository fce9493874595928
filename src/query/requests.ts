import { RequestError } from '../event/request-error.ts'
import { TIERS } from '../rollup/tier.ts'
import { ParameterReader, type Parameters } from './parameters.ts'
import type { Peer, Target } from './target.ts'
import {
  ALL_KINDS,
  PEER_PARAMETERS,
  readPeer,
  readTarget,
  TARGET_PARAMETERS,
  WORKLOAD_TARGET_KINDS,
} from './target-parameters.ts'
import { MAX_WINDOW_MS, MIN_WINDOW_MS, type Span, tierFor } from './window.ts'

/** Which resources, over which time, and with what at the other end of their requests. */
export interface StatRequest {
  readonly target: Target
  readonly peer?: Peer
  readonly window: Span
}

export type EdgesRequest = StatRequest
export type RoutesRequest = StatRequest

/** `stat` by the reasons that requests ended for. */
export interface ReasonsRequest extends StatRequest {
  readonly by: 'reason'
}

export interface TopRequest extends StatRequest {
  readonly by: 'path' | 'route'
  /** Most rows of the answer. */
  readonly limit: number
  /** As requests have it. */
  readonly method?: string
  /** How paths (or routes) begin. */
  readonly path?: string
}

export interface TimeseriesRequest extends StatRequest {
  /** A multiple of the tier's bucket. */
  readonly stepMs: number
}

export interface ResourcesRequest {
  readonly target: Target
  readonly window: Span
}

/** Most points of one series. */
const MAX_STEPS = 1000
/** Points of one series where no step is asked for, about. */
const DEFAULT_STEPS = 60

const WINDOW = { min: { text: '10s', ms: MIN_WINDOW_MS }, max: { text: '7d', ms: MAX_WINDOW_MS } } as const

/** The longest window in which pods are kept apart. */
const POD_WINDOW = {
  text: '6h',
  ms: Math.max(...TIERS.filter(({ pods }) => pods).map((tier) => tier.retentionMs)),
}

const PAIR_PARAMETERS = [...TARGET_PARAMETERS, ...PEER_PARAMETERS, 'window'] as const

export function parseStatRequest(parameters: Parameters): StatRequest {
  return readPair(new ParameterReader(parameters, PAIR_PARAMETERS), ALL_KINDS)
}

/** What `GET /api/v1/stat` asks: resources, or with `by=reason` the reasons that their requests ended for. */
export function parseStatQuestion(parameters: Parameters): StatRequest | ReasonsRequest {
  const reader = new ParameterReader(parameters, [...PAIR_PARAMETERS, 'by'])
  const by = reader.choice('by', 'resource', ['resource', 'reason'])
  const pair = readPair(reader, ALL_KINDS)
  return by === 'reason' ? { ...pair, by } : pair
}

export function parseRoutesRequest(parameters: Parameters): RoutesRequest {
  return readPair(new ParameterReader(parameters, PAIR_PARAMETERS), ALL_KINDS)
}

/** Without `resource`: all edges of the namespace, or of everything. */
export function parseEdgesRequest(parameters: Parameters): EdgesRequest {
  return readPair(new ParameterReader(parameters, PAIR_PARAMETERS), WORKLOAD_TARGET_KINDS, 'all')
}

export function parseTopRequest(parameters: Parameters): TopRequest {
  const reader = new ParameterReader(parameters, [...PAIR_PARAMETERS, 'by', 'limit', 'method', 'path'])
  const by = reader.choice('by', 'path', ['path', 'route'])
  // Paths are counted by workload: their number times that of pods or services would be too many.
  const pair = readPair(reader, by === 'path' ? WORKLOAD_TARGET_KINDS : ALL_KINDS)
  const method = reader.text('method')?.toUpperCase()
  const path = reader.text('path')
  return {
    ...pair,
    by,
    limit: reader.integer('limit', 100, { min: 1, max: 1000 }),
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
  }
}

/** A `step` that is no multiple of the window's bucket becomes the next larger one. */
export function parseTimeseriesRequest(parameters: Parameters): TimeseriesRequest {
  const reader = new ParameterReader(parameters, [...PAIR_PARAMETERS, 'step'])
  const pair = readPair(reader, ALL_KINDS)
  const { window } = pair
  const { bucketMs } = tierFor(window.ms)
  const roundUp = (ms: number) => Math.max(1, Math.ceil(ms / bucketMs)) * bucketMs
  if (reader.text('step') === undefined) return { ...pair, stepMs: roundUp(window.ms / DEFAULT_STEPS) }
  const step = reader.span('step', '', { min: { text: '1s', ms: 1000 }, max: window })
  const stepMs = roundUp(step.ms)
  if (window.ms / stepMs > MAX_STEPS) {
    throw new RequestError(
      'step',
      `"${step.text}" makes more than ${MAX_STEPS} points of a window of ${window.text}; give a longer one`,
    )
  }
  return { ...pair, stepMs }
}

/** Without `resource`: everything. */
export function parseResourcesRequest(parameters: Parameters): ResourcesRequest {
  const reader = new ParameterReader(parameters, [...TARGET_PARAMETERS, 'window'])
  const target = readTarget(reader, ALL_KINDS, 'all')
  return { target, window: readWindow(reader, target) }
}

function readPair(
  reader: ParameterReader,
  kinds: readonly Target['kind'][],
  fallback?: Target['kind'],
): StatRequest {
  const target = readTarget(reader, kinds, fallback)
  const peer = readPeer(reader, target, kinds)
  const window = readWindow(reader, target, peer)
  return { target, ...(peer === undefined ? {} : { peer }), window }
}

function readWindow(reader: ParameterReader, target: Target, peer?: Peer): Span {
  const window = reader.span('window', '1m', WINDOW)
  const hasPod = target.kind === 'pod' || peer?.target.kind === 'pod'
  if (hasPod && window.ms > POD_WINDOW.ms) {
    throw new RequestError(
      'window',
      `"${window.text}" is too long for pods, which are kept apart for ${POD_WINDOW.text}; give at most that`,
    )
  }
  return window
}

import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../http/server.ts'

export interface GatewayLimits extends HttpLimits {
  /** Queries answered at once; beyond it 429. Taps have the limits of their `TapHub`. */
  readonly queries: number
  /** Different `stat` and `top` questions that are answered every second; beyond it 429. */
  readonly liveQuestions: number
  /** Who looks at them; beyond it 429. */
  readonly liveClients: number
  /** How often a websocket is pinged; one that has not answered by the next ping is dead. */
  readonly pingMs: number
  /** How long a client of lines may take nothing of what waits for it; then it is dead, as it answers no ping. */
  readonly stallMs: number
  /** Of one identity, or where there is no authentication of one address; beyond it 429. */
  readonly requestsPerMinute: number
  /** Tokens that are not known, of one address; beyond it 429. */
  readonly guessesPerMinute: number
  /** Streams open at a time of one identity; beyond it 429. */
  readonly streamsPerIdentity: number
  /** The same of one address, where there is no authentication. */
  readonly streamsPerAddress: number
}

export const DEFAULT_GATEWAY_LIMITS: GatewayLimits = {
  ...DEFAULT_HTTP_LIMITS,
  queries: 128,
  liveQuestions: 100,
  liveClients: 2000,
  pingMs: 20_000,
  stallMs: 300_000,
  requestsPerMinute: 6000,
  guessesPerMinute: 60,
  streamsPerIdentity: 100,
  streamsPerAddress: 500,
}

import type { GatewayClient, StreamRequest } from '../gateway-client.ts'

/** How long a token's file may take to be written anew, after the token in it was refused. */
const WAIT_MS = 10_000
const LOOK_MS = 500

/**
 * Whether there is another token than the one that a stream was asked for with and that is not taken any more: waits a
 * while for it, where the token is in a file.
 */
export async function hasOtherToken(
  client: GatewayClient,
  { headers }: StreamRequest,
  signal: AbortSignal,
  sleep: (ms: number, signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  if (client.token?.isInFile !== true) return false
  for (let waitedMs = 0; waitedMs <= WAIT_MS && !signal.aborted; waitedMs += LOOK_MS) {
    const token = await client.token.current()
    if (headers['authorization'] !== `Bearer ${token}`) return true
    await sleep(LOOK_MS, signal)
  }
  return false
}

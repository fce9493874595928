import type { handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js'
import type { Readiness } from '../../http/health-routes.ts'
import type { Message } from './message.ts'
import type { OpenStreams } from './open-streams.ts'

/** How often what is watched is looked at. */
const WATCH_MS = 1_000

const SERVING = 1
const NOT_SERVING = 2

interface HealthOptions {
  readonly ready: Readiness
  readonly isClosing: () => boolean
}

/** `grpc.health.v1.Health.Check`: of the server as a whole, whichever service is asked for. */
export function checkHealth(options: HealthOptions): handleUnaryCall<Message, Buffer> {
  return (_call, callback) => callback(null, answer(statusOf(options)))
}

/** `Watch`: the status, and each change of it. */
export function watchHealth(
  options: HealthOptions & { readonly streams: OpenStreams },
): handleServerStreamingCall<Message, Buffer> {
  return (call) => {
    let told = 0
    const tell = (): void => {
      const status = statusOf(options)
      if (status === told) return
      told = status
      call.write(answer(status))
    }
    tell()
    const timer = setInterval(tell, WATCH_MS)
    const forget = options.streams.add(() => {
      tell()
      call.end()
    })
    call.on('close', () => {
      clearInterval(timer)
      forget()
    })
  }
}

function statusOf({ ready, isClosing }: HealthOptions): number {
  return !isClosing() && ready().ready ? SERVING : NOT_SERVING
}

/** A HealthCheckResponse. */
function answer(status: number): Buffer {
  return Buffer.from([0x08, status])
}

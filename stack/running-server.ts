import type { ServerProcess } from './server-process.ts'

/** What can be done to a server that was started. */
export interface RunningServer {
  /** Of the running server. */
  readonly pid: number
  /** Resolves when the running server is gone, whoever ended it. */
  ended(): Promise<void>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGSTOP. */
  pause(): void
  resume(): void
  /** After `kill` or `stop`: again, with the same data and port. */
  start(): Promise<void>
  /** SIGTERM; resolves when it is gone. */
  stop(): Promise<void>
}

/** A server with what says where it is. */
export function runningServer<Address extends object>(
  server: ServerProcess,
  address: Address,
): RunningServer & Address {
  const running: RunningServer = {
    get pid() {
      return server.pid
    },
    ended: () => server.ended(),
    kill: () => server.kill(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    start: () => server.start(),
    stop: () => server.stop(),
  }
  return Object.assign(running, address)
}

import type { Server, Socket } from 'node:net'

export interface ConnectionLimits {
  /** Connections open at once. */
  readonly connections: number
  /** Of those from one address. */
  readonly connectionsPerAddress: number
}

/**
 * Closes at once what is more than a server may have. `onDrop` is told what there was too much of, for people, each time:
 * the client is told nothing, as to answer a flood costs more than to close it.
 */
export function limitConnections(
  server: Server,
  { connections, connectionsPerAddress }: ConnectionLimits,
  onDrop: (what: string) => void,
): void {
  const open = new Map<string, number>()
  server.maxConnections = connections
  server.on('drop', () => onDrop(`${connections} connections are open, as many as are allowed`))
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket
    const count = open.get(remoteAddress) ?? 0
    if (count >= connectionsPerAddress) {
      onDrop(
        `${connectionsPerAddress} connections from ${remoteAddress} are open, as many as are allowed of one address`,
      )
      socket.destroy()
      return
    }
    open.set(remoteAddress, count + 1)
    socket.once('close', () => {
      const left = open.get(remoteAddress)! - 1
      if (left === 0) open.delete(remoteAddress)
      else open.set(remoteAddress, left)
    })
  })
}

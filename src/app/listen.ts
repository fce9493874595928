import { type Setting, variableOf } from '../config/setting.ts'
import type { HostPort } from '../config/value-types.ts'

interface Listener {
  listen(address: HostPort): Promise<unknown>
}

/** Rejects with the system's code, and words that name the address and the setting it came from. */
export async function listenOn(
  server: Listener,
  address: HostPort,
  { name }: Pick<Setting<unknown>, 'name'>,
): Promise<void> {
  try {
    await server.listen(address)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    const host = address.host.includes(':') ? `[${address.host}]` : address.host
    const why = code === 'EADDRINUSE' ? 'something else listens there' : message
    throw Object.assign(
      new Error(
        `cannot listen on ${host}:${address.port}: ${why}. ` +
          `Another address is given with --${name} or ${variableOf(name)}`,
        { cause: error },
      ),
      { code },
    )
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const CLIENTS_A_PROCESS = 1250
const POLL_MS = 50

interface Got {
  readonly open: number
  readonly sent: number
  readonly delaysMs: readonly number[]
}

/** Clients of a gateway's streams, in processes of their own so that they cost it nothing. */
export class StreamClients {
  readonly #children: readonly { readonly child: ChildProcess; readonly lines: AsyncIterator<string> }[]

  constructor(port: number, mode: 'count' | 'time', paths: readonly string[]) {
    const parts = Array.from({ length: Math.ceil(paths.length / CLIENTS_A_PROCESS) }, (_, i) =>
      paths.slice(i * CLIENTS_A_PROCESS, (i + 1) * CLIENTS_A_PROCESS),
    )
    this.#children = parts.map((part) => {
      const args = [`${import.meta.dirname}/tap-clients.ts`, String(port), mode, ...part]
      const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
      // What ended them they say themselves.
      child.stdin.on('error', () => {})
      return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }
    })
  }

  async got(): Promise<Got> {
    const all: Got[] = []
    for (const { child, lines } of this.#children) {
      child.stdin!.write('\n')
      const line = await lines.next()
      if (line.done === true) throw new Error('the clients ended')
      all.push(JSON.parse(line.value) as Got)
    }
    return {
      open: all.reduce((sum, { open }) => sum + open, 0),
      sent: all.reduce((sum, { sent }) => sum + sent, 0),
      delaysMs: all.flatMap(({ delaysMs }) => delaysMs),
    }
  }

  async opened(count: number): Promise<void> {
    while ((await this.got()).open < count) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#children.map(async ({ child }) => {
        const gone = once(child, 'exit')
        child.kill('SIGKILL')
        await gone
      }),
    )
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningCli {
  readonly child: ChildProcess
  /** Resolves when the output so far matches. */
  until(pattern: RegExp): Promise<void>
  readonly result: Promise<CliResult>
}

export interface CliOptions {
  readonly environment?: Readonly<Record<string, string>>
  readonly stdin?: string | Buffer
  readonly keepsStdinOpen?: boolean
}

/** Runs `meshtap` as a process of its own. */
export function startCli(
  args: readonly string[],
  { environment, stdin, keepsStdinOpen }: CliOptions = {},
): RunningCli {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  let waiting: (() => void)[] = []
  const wake = (): void => {
    for (const resolve of waiting.splice(0)) resolve()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    wake()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    wake()
  })
  // A child that ends before it has read all of its input is no failure of the test.
  child.stdin.on('error', () => {})
  if (!keepsStdinOpen) child.stdin.end(stdin)
  let hasEnded = false
  const result = once(child, 'close').then(([code]) => {
    hasEnded = true
    wake()
    return { code: code as number | null, stdout, stderr }
  })
  return {
    child,
    result,
    until: async (pattern) => {
      while (!pattern.test(stdout + stderr)) {
        if (hasEnded) throw new Error(`ended without ${pattern}:\n${stdout}${stderr}`)
        await new Promise<void>((resolve) => {
          waiting = [...waiting, resolve]
        })
      }
    },
  }
}

export function runCli(args: readonly string[], options?: CliOptions): Promise<CliResult> {
  return startCli(args, options).result
}

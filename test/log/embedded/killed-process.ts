import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/**
 * Runs a script and kills it with SIGKILL as soon as it has printed so many lines, wherever it is by then. Answers all
 * whole lines that it printed.
 */
export async function runUntilKilled(script: URL, args: readonly string[], lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  const printed: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line)
    if (printed.length === lines) child.kill('SIGKILL')
  }
  const [code, signal] = (await exited) as [number | null, string | null]
  if (signal !== 'SIGKILL' || complaint !== '') {
    throw new Error(`${script.pathname} ended with ${signal ?? code}: ${complaint}`)
  }
  return printed
}

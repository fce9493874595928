import type { AnswerBase } from '../query/answer.ts'
import { type CliContext, note } from './context.ts'
import type { GatewayClient, QueryParameters } from './gateway-client.ts'
import { narrowingNote, warnings } from './printers/notes.ts'

/** Questions under way at once. */
const CONCURRENCY = 4

/** Asks the same path once for each set of parameters; answers in their order. */
export async function askAll<T extends AnswerBase>(
  context: CliContext,
  client: GatewayClient,
  path: string,
  questions: readonly QueryParameters[],
): Promise<T[]> {
  const answers: T[] = []
  const lines = new Set<string>()
  for (let start = 0; start < questions.length; start += CONCURRENCY) {
    const part = questions.slice(start, start + CONCURRENCY)
    const asked = await Promise.all(part.map((parameters) => client.get<T>(path, parameters)))
    for (const { answer, serverTimeMs } of asked) {
      answers.push(answer)
      const narrowing = narrowingNote(answer)
      if (narrowing !== undefined) lines.add(narrowing)
      for (const line of warnings(answer, serverTimeMs ?? context.now())) lines.add(line)
    }
  }
  for (const line of lines) note(context, line)
  return answers
}

import type { AnswerBase, EmptyReason } from '../../query/answer.ts'
import { printable } from './printable.ts'

/** A watermark older than this is worth a word. */
const STALE_MS = 15_000

/** That an answer is not of all that there is; undefined where it is. */
export function narrowingNote({ narrowedTo }: Pick<AnswerBase, 'narrowedTo'>): string | undefined {
  if (narrowedTo === undefined) return undefined
  // `cluster/namespace`, where the cluster is mostly any.
  const names = narrowedTo.map((place) => printable(place.replace(/^\*\//, '')))
  return `shows only ${names.length === 1 ? 'namespace' : 'namespaces'} ${names.join(', ')}, as granted`
}

/** What must be said beside an answer: what is missing from it, and how old it is. */
export function warnings({ partial, watermark }: AnswerBase, nowMs: number): string[] {
  const lines = partial.map(
    ({ source, reason }) => `warning: incomplete, without all of ${printable(source)}: ${printable(reason)}`,
  )
  const behindMs = watermark === null ? 0 : nowMs - Date.parse(watermark)
  if (behindMs > STALE_MS) {
    lines.push(
      `warning: nothing after ${watermark} is counted yet, ${Math.floor(behindMs / 1000)} s ago: ` +
        'proxies went quiet, or meshtap is behind',
    )
  }
  return lines
}

/** Why there are no rows: a first line as Linkerd has it, then the reason. */
export function emptyNote(first: string, reasons: readonly (EmptyReason | undefined)[]): string[] {
  return [first, ...reasonLines(reasons)]
}

/** The reasons without repetition, each with what was seen where it does not say so itself. */
export function reasonLines(reasons: readonly (EmptyReason | undefined)[]): string[] {
  const lines = reasons.flatMap((reason) => {
    if (reason === undefined) return []
    const [first] = reason.seen
    const seen =
      first === undefined || reason.message.includes(first) ? [] : [`Seen were: ${reason.seen.join(', ')}.`]
    return [reason.message, ...seen]
  })
  return [...new Set(lines)].map(printable)
}

import type { ReasonRow, ReasonsAnswer, StatAnswer, StatRow, TopAnswer, TopRow } from './answer.ts'
import { reasonOrder } from './reason-order.ts'
import { byTexts } from './row-order.ts'

/** What can be asked live. */
export type AnswerAlive = StatAnswer | ReasonsAnswer | TopAnswer

type RowAlive = AnswerAlive['rows'][number]

/** What tells a row from the others of its answer. */
export type RowKey = readonly string[]

/**
 * A message of a live `stat`, by reason too, or `top`. Messages are numbered, each one more than the one before. A `whole` stands for itself,
 * with whatever number; anything else belongs to what the message with the number before left: a number that does not
 * follow means that something is missing.
 */
export type LiveMessage<A extends AnswerAlive> =
  | { readonly sequence: number; readonly kind: 'whole'; readonly answer: A }
  | {
      readonly sequence: number
      readonly kind: 'change'
      /** As it is now, but for its rows. */
      readonly answer: Omit<A, 'rows'>
      /** Rows that are new, or another than before. */
      readonly changed: A['rows']
      /** Keys of rows that are gone. */
      readonly removed: readonly RowKey[]
    }
  /** The question could not be answered this time; what was answered before stands. */
  | {
      readonly sequence: number
      readonly kind: 'failure'
      readonly problem: { readonly code: string; readonly detail: string }
    }

/** Kind, cluster, namespace and name. */
export function statRowKey({ kind, cluster, namespace, name }: StatRow): RowKey {
  return [kind, cluster, namespace, name]
}

/** Cluster; cluster, namespace, kind and name of the source, and of the destination; method and path. */
export function topRowKey({ cluster, source, destination, method, path }: TopRow): RowKey {
  return [
    cluster,
    ...[source, destination].flatMap((end) => [end.cluster, end.namespace, end.kind, end.name]),
    method,
    path,
  ]
}

/** Kind, cluster, namespace, name and reason. */
export function reasonRowKey({ kind, cluster, namespace, name, reason }: ReasonRow): RowKey {
  return [kind, cluster, namespace, name, reason]
}

export function rowKey(row: RowAlive): RowKey {
  if ('path' in row) return topRowKey(row)
  return 'reason' in row ? reasonRowKey(row) : statRowKey(row)
}

/** Keeps an answer up to date from the messages of a stream. */
export class LiveAnswer<A extends AnswerAlive> {
  #answer: A | undefined
  #sequence = 0
  #problem: string | undefined

  get answer(): A | undefined {
    return this.#answer
  }

  /** Why the answer is not newer. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Answers false for a message that does not follow: then something is missing, until the next whole answer. */
  take(message: LiveMessage<A>): boolean {
    const follows = message.kind === 'whole' || message.sequence === this.#sequence + 1
    if (!follows || (message.kind !== 'whole' && this.#answer === undefined)) return false
    this.#sequence = message.sequence
    this.#problem = message.kind === 'failure' ? message.problem.detail : undefined
    if (message.kind === 'whole') this.#answer = message.answer
    else if (message.kind === 'change') this.#answer = changed(this.#answer!, message)
    return true
  }
}

function changed<A extends AnswerAlive>(
  { rows: before }: A,
  { answer, changed, removed }: Extract<LiveMessage<A>, { kind: 'change' }>,
): A {
  const rows = new Map<string, RowAlive>(before.map((row) => [JSON.stringify(rowKey(row)), row]))
  for (const key of removed) rows.delete(JSON.stringify(key))
  for (const row of changed) rows.set(JSON.stringify(rowKey(row)), row)
  // An answer is of one kind of rows.
  return { ...answer, rows: [...rows.values()].sort(byRank) } as unknown as A
}

const byKey = byTexts<RowAlive>(
  ...Array.from({ length: 11 }, (_, i) => (row: RowAlive) => rowKey(row)[i] ?? ''),
)

/** `top` by count, descending, as an answer has it but for those of equal counts; the others as an answer has them. */
function byRank(a: RowAlive, b: RowAlive): number {
  if ('reason' in a && 'reason' in b) return reasonOrder(a, b)
  return ('count' in b ? b.count : 0) - ('count' in a ? a.count : 0) || byKey(a, b)
}

import { random } from '../test/random.ts'
import { type Fault, FAULT_KINDS, type FaultContext, type FaultKind, FAULTS } from './faults.ts'
import { pause } from './numbered-producer.ts'

/** Faults whose ends are waited for at once, at most. */
const MOST_AT_ONCE = 3

export interface FaultRunOptions extends Omit<FaultContext, 'next' | 'isBusy'> {
  readonly seed: number
  readonly faults: number
  /** Which kinds; by default all. */
  readonly kinds?: readonly FaultKind[]
  /** Time between the beginnings of two faults, on average. */
  readonly everyMs: number
}

/**
 * Does faults one after the other at random moments, some before the ones before are over. Every kind comes up before
 * any comes up again. Rejects with the first that could not be done or undone; answers how many of each there were.
 */
export async function runFaults(options: FaultRunOptions): Promise<Map<FaultKind, number>> {
  const { faults, everyMs, seed, kinds = FAULT_KINDS, ...rest } = options
  const next = random(seed)
  const done = new Map<FaultKind, number>()
  const busy = new Map<string, Promise<void>>()
  const context: FaultContext = { ...rest, next, isBusy: (target) => busy.has(target) }
  const failures: unknown[] = []
  let deck: FaultKind[] = []
  let count = 0
  while (count < faults && failures.length === 0) {
    await pause(everyMs * (0.3 + 1.4 * next()))
    while (busy.size >= MOST_AT_ONCE) await Promise.race(busy.values())
    if (deck.length === 0) deck = shuffled(kinds, next)
    const kind = deck.pop()!
    const fault: Fault | undefined = FAULTS[kind](context)
    if (fault === undefined || busy.has(fault.target)) {
      // Later, if anything else is to be done before.
      if (deck.length > 0) deck.unshift(kind)
      continue
    }
    context.journal.say(`fault ${String(++count).padStart(3)}  ${kind} (${fault.target})`)
    done.set(kind, (done.get(kind) ?? 0) + 1)
    const running = fault
      .run()
      .catch((error: unknown) => {
        context.journal.say(`           ${kind} (${fault.target}) cannot be done: ${String(error)}`)
        failures.push(error)
      })
      .finally(() => busy.delete(fault.target))
    busy.set(fault.target, running)
  }
  await Promise.all(busy.values())
  if (failures.length > 0) throw failures[0]
  return done
}

function shuffled<T>(all: readonly T[], next: () => number): T[] {
  const cards = [...all]
  for (let i = cards.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    const card = cards[i]!
    cards[i] = cards[j]!
    cards[j] = card
  }
  return cards
}

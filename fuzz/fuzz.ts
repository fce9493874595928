import { Buffer } from 'node:buffer'
import { Dictionary } from '../src/event/dictionary.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { random } from '../test/random.ts'
import { MAX_BYTES, mutated } from './mutations.ts'
import { misbehaviour, type Target, TARGETS } from './targets.ts'

/** Longest that a decoder may take, milliseconds. */
const MAX_MS = 10

/** How often an input that took longer is decoded again: a machine that was busy elsewhere is not the decoder's fault. */
const AGAIN = 5

/** Rows that decoders may make room for: twice, as arrays double, those that the bytes of the longest input could hold. */
const MAX_ROWS = 2 * MAX_BYTES

/** Memory that all inputs together may add, MiB. */
const MAX_GROWTH_MIB = 256

export interface FuzzReport {
  readonly target: string
  readonly inputs: number
  readonly decoded: number
  readonly refused: number
  readonly slowestMs: number
  /** Inputs that a decoder got wrong, as base64, and how. */
  readonly faults: readonly { readonly input: string; readonly what: string }[]
}

export interface FuzzOptions {
  readonly seed: number
  /** Of all targets together. */
  readonly inputs: number
}

/** Feeds every decoder damaged messages. The same seed and number give the same inputs. */
export function fuzz({ seed, inputs }: FuzzOptions): FuzzReport[] {
  return TARGETS.map((target, i) => fuzzTarget(target, random(seed + i), Math.ceil(inputs / TARGETS.length)))
}

function fuzzTarget(target: Target, next: () => number, inputs: number): FuzzReport {
  const faults: { input: string; what: string }[] = []
  const fault = (bytes: Uint8Array, what: string) =>
    void (faults.length < 20 && faults.push({ input: Buffer.from(bytes).toString('base64'), what }))
  const all = TARGETS.flatMap(({ samples }) => samples)
  let columns = new EventColumns(new Dictionary())
  let decoded = 0
  let slowestMs = 0
  const startMib = residentMib()
  for (let i = 0; i < inputs; i++) {
    const sample = target.samples[Math.floor(next() * target.samples.length)]!
    const bytes = mutated(sample, next, all[Math.floor(next() * all.length)]!)
    if (columns.dictionary.overfull) columns = new EventColumns(new Dictionary())
    const { ms, error } = timed(target, bytes, columns)
    if (error === undefined) decoded++
    const what = error === undefined ? undefined : misbehaviour(error.value)
    if (what !== undefined) fault(bytes, what)
    const leastMs =
      ms > MAX_MS
        ? Math.min(ms, ...Array.from({ length: AGAIN }, () => timed(target, bytes, columns).ms))
        : ms
    slowestMs = Math.max(slowestMs, leastMs)
    if (leastMs > MAX_MS) fault(bytes, `took ${leastMs.toFixed(1)} ms for ${bytes.length} bytes`)
    const rows = Math.max(columns.flow.length, columns.connectionFlow.length, columns.headerEvent.length)
    if (rows > MAX_ROWS) fault(bytes, `made room for ${rows} rows of ${bytes.length} bytes`)
  }
  const grownMib = residentMib() - startMib
  if (grownMib > MAX_GROWTH_MIB) fault(new Uint8Array(), `memory grew by ${Math.round(grownMib)} MiB`)
  return { target: target.name, inputs, decoded, refused: inputs - decoded, slowestMs, faults }
}

function timed(
  { decode }: Target,
  bytes: Uint8Array,
  columns: EventColumns,
): { readonly ms: number; readonly error?: { readonly value: unknown } } {
  columns.clear()
  const startMs = performance.now()
  try {
    decode(bytes, columns)
    return { ms: performance.now() - startMs }
  } catch (value) {
    return { ms: performance.now() - startMs, error: { value } }
  }
}

function residentMib(): number {
  return process.memoryUsage.rss() / 2 ** 20
}

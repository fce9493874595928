import assert from 'node:assert/strict'
import { CandidateSampler } from '../../src/tap/candidate-sampler.ts'
import { RateSampler } from '../../src/tap/rate-sampler.ts'
import { SLICE_MS, WORKER_SLICE_MS } from '../../src/tap/sampling.ts'
import { random } from '../random.ts'

export interface Entry {
  readonly priority: number
  readonly worker: number
  /** Milliseconds from the start of the stream. */
  readonly timeMs: number
}

export interface Sample {
  readonly matched: number
  readonly kept: readonly { readonly entry: Entry; readonly atMs: number }[]
  readonly leftOut: number
  /** What the workers handed on. */
  readonly candidates: number
}

/**
 * Runs the samplers of workers and of a gateway over a stream: every worker sees its share, its slices end a few
 * milliseconds after the others', and the gateway hears of them at once. Checks that every event is accounted for.
 */
export function sample(options: {
  readonly workers: number
  readonly maxRps: number
  readonly seed: number
  /** Events in each millisecond. */
  readonly stream: readonly number[]
  /** How long the tap was open before. */
  readonly quietMs?: number
}): Sample {
  const { workers, maxRps, seed, stream, quietMs = 0 } = options
  const next = random(seed)
  const nowMs = -quietMs
  const senders = Array.from(
    { length: workers },
    () => new CandidateSampler<Entry>({ maxRps, nowMs, random: next }),
  )
  const gateway = new RateSampler<Entry>({ maxRps, nowMs, random: next })
  const kept: { entry: Entry; atMs: number }[] = []
  const endMs = stream.length + 2 * Math.max(1000, 2000 / maxRps) + 500
  let [matched, leftOut, candidates] = [0, 0, 0]
  const end = (ms: number) => {
    const frame = gateway.tick(ms)
    leftOut += frame.leftOut
    for (const entry of frame.kept) kept.push({ entry, atMs: ms })
    assert.equal(kept.length + leftOut + gateway.pending <= matched, true)
  }
  for (let ms = nowMs; ms < endMs; ms++) {
    for (let i = 0; i < (stream[ms] ?? 0); i++) {
      const worker = Math.floor(next() * workers)
      matched++
      const priority = senders[worker]!.draw()
      if (priority !== undefined) senders[worker]!.offer({ priority, worker, timeMs: ms })
    }
    senders.forEach((sender, worker) => {
      if ((ms + quietMs + 7 * worker) % WORKER_SLICE_MS !== 0) return
      const frame = sender.tick(ms)
      candidates += frame.kept.length
      gateway.leaveOut(frame.leftOut)
      for (const entry of frame.kept) gateway.offer(entry)
      if (frame.kept.length > 0 && gateway.mayEnd(ms)) end(ms)
    })
    if ((ms + quietMs + 33) % SLICE_MS === 0) end(ms)
  }
  assert.equal(gateway.pending, 0)
  assert.equal(kept.length + leftOut, matched, 'every event is kept or left out')
  return { matched, kept, leftOut, candidates }
}

export const steady = (perMs: number, ms: number) => Array.from({ length: ms }, () => perMs)

/** A stream in which every moment is alike: each millisecond has so many on average, by chance more or fewer. */
export function poisson(next: () => number, perMs: number, ms: number): number[] {
  return Array.from({ length: ms }, () => {
    let count = 0
    for (let left = perMs + Math.log(1 - next()); left > 0; left += Math.log(1 - next())) count++
    return count
  })
}

/** The most events kept within any time of this length. */
export function mostWithin(ms: number, { kept }: Sample): number {
  const times = kept.map(({ atMs }) => atMs)
  let most = 0
  for (let from = 0, to = 0; to < times.length; to++) {
    while (times[to]! - times[from]! >= ms) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

/** How many of the kept came in each part of a time. */
export function byTime({ kept }: Sample, parts: number, totalMs: number): number[] {
  const counts = Array.from({ length: parts }, () => 0)
  for (const { entry } of kept) counts[Math.floor((entry.timeMs * parts) / totalMs)]!++
  return counts
}

/** Chi-square of counts that should all be the same, by degree of freedom: about 1 if they are. */
export function unevenness(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0) / (counts.length - 1)
}

export function plus(a: readonly number[], b: readonly number[]): number[] {
  return b.map((count, i) => count + (a[i] ?? 0))
}

import { Redis } from 'ioredis'
import type { Journal } from './journal.ts'
import { pause } from './numbered-producer.ts'
import { cutTail } from './redis-tail.ts'
import type { RoleProcess } from './role-process.ts'
import { REFUSED, type System } from './system.ts'

/** Aggregators that run at least, and at most. */
const FEWEST_AGGREGATORS = 2
const MOST_AGGREGATORS = 5

/** A worker that slept through its session tries to commit this soon after, if it has anything to. */
const REFUSED_WITHIN_MS = 10_000

export interface FaultContext {
  readonly system: System
  readonly journal: Journal
  readonly next: () => number
  /** Whether something is under a fault already. */
  readonly isBusy: (target: string) => boolean
}

/** A fault and its end. `target` is what it is done to: only one fault at a time is done to one. */
export interface Fault {
  readonly target: string
  readonly run: () => Promise<void>
}

/** Makes the fault, or answers undefined where there is nothing to do it to. */
type FaultMaker = (context: FaultContext) => Fault | undefined

/** Every kind of fault, by the name that reports give it. */
export const FAULTS = {
  'kill aggregator': (context) => killed(context, anyAggregator(context), 4_000),
  'kill ingest': (context) => killed(context, context.system.ingest, 3_000),
  'kill gateway': (context) => killed(context, context.system.gateway, 3_000),
  'pause aggregator': (context) => pausedAggregator(context),
  'add aggregator': (context) => addedAggregator(context),
  'remove aggregator': (context) => removedAggregator(context),
  'kill Kafka': ({ system, journal, next }) => ({
    target: 'Kafka',
    run: async () => {
      await system.kafka.kill()
      await pause(2_000 * next())
      await system.kafka.start()
      journal.say('           Kafka serves again')
    },
  }),
  'pause Kafka': ({ system, journal, next }) => ({
    target: 'Kafka',
    run: async () => {
      system.kafka.pause()
      await pause(1_000 + 5_000 * next())
      system.kafka.resume()
      journal.say('           Kafka goes on')
    },
  }),
  'kill Redis': ({ system, journal, next }) => ({
    target: 'Redis',
    run: async () => {
      await system.redis.kill()
      await pause(3_000 * next())
      await system.redis.start()
      journal.say('           Redis serves again')
    },
  }),
  'cut Redis': ({ system, journal, next }) => ({
    target: 'Redis',
    run: async () => {
      await system.redis.kill()
      const bytes = cutTail(system.redisDirectory, 1, next)
      await pause(3_000 * next())
      await system.redis.start()
      journal.say(`           Redis serves again, without the last ${bytes} bytes of its log`)
    },
  }),
  'pause Redis': ({ system, journal, next }) => ({
    target: 'Redis',
    run: async () => {
      system.redis.pause()
      await pause(1_000 + 6_000 * next())
      system.redis.resume()
      journal.say('           Redis goes on')
    },
  }),
  'flush Redis': ({ system }) => ({
    target: 'Redis',
    run: () => flushAll(system.redis.url),
  }),
} as const satisfies Readonly<Record<string, FaultMaker>>

export type FaultKind = keyof typeof FAULTS

export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[]

function anyAggregator({ system, next, isBusy }: FaultContext): RoleProcess | undefined {
  const running = system.aggregators.filter(({ name }) => !isBusy(name))
  return running[Math.floor(next() * running.length)]
}

function killed(
  { journal, next }: FaultContext,
  role: RoleProcess | undefined,
  downMs: number,
): Fault | undefined {
  if (role === undefined) return undefined
  return {
    target: role.name,
    run: async () => {
      await role.kill('SIGKILL')
      await pause(downMs * next())
      role.start()
      await role.ready()
      journal.say(`           ${role.name} is ready again`)
    },
  }
}

/** Silent until its partitions are another's, and then goes on as if nothing had been. */
function pausedAggregator(context: FaultContext): Fault | undefined {
  const { system, journal, next } = context
  const role = anyAggregator(context)
  if (role === undefined) return undefined
  return {
    target: role.name,
    run: async () => {
      const refusedBefore = role.troubles.get(REFUSED) ?? 0
      role.pause()
      await pause(system.sessionMs + 3_500 * next())
      role.resume()
      journal.say(`           ${role.name} goes on`)
      const refused = () => (role.troubles.get(REFUSED) ?? 0) - refusedBefore
      for (const end = Date.now() + REFUSED_WITHIN_MS; refused() === 0 && Date.now() < end;) await pause(50)
      await role.ready()
      journal.say(`           ${role.name} is ready again, ${refused()} commits refused`)
    },
  }
}

function addedAggregator({ system, journal }: FaultContext): Fault | undefined {
  if (system.aggregators.length >= MOST_AGGREGATORS) return undefined
  return {
    target: 'aggregators',
    run: async () => {
      const role = await system.addAggregator()
      role.start()
      await role.ready()
      journal.say(`           ${role.name} is ready`)
    },
  }
}

/** As a deployment does it: with SIGTERM, and for good. */
function removedAggregator(context: FaultContext): Fault | undefined {
  const { system, journal } = context
  if (system.aggregators.length <= FEWEST_AGGREGATORS) return undefined
  const role = anyAggregator(context)
  if (role === undefined) return undefined
  return {
    target: role.name,
    run: async () => {
      const begun = Date.now()
      system.aggregators.splice(system.aggregators.indexOf(role), 1)
      await role.kill('SIGTERM')
      journal.say(`           ${role.name} has left after ${Date.now() - begun} ms`)
    },
  }
}

async function flushAll(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 3 })
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    await redis.flushall()
  } finally {
    redis.disconnect()
  }
}

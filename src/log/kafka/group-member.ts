import assigner from 'kafkajs/src/consumer/assignerProtocol.js'
import { type PartitionId, partitionId } from '../event-log.ts'
import { type Brokers, REQUEST_MS } from './brokers.ts'
import type { BrokerConnection } from './broker-connection.ts'
import { assignPartitions, type MemberClaim } from './group-assignment.ts'
import { CODE, codeOf } from './kafka-error.ts'
import { Backoff, type OnTrouble } from './trouble.ts'
import { Waker } from './waker.ts'

/** Of the way partitions are shared; a member that knows only another cannot join. */
const PROTOCOL = 'meshtap-sticky-1'
const MIN_REBALANCE_MS = 10_000
const MAX_HEARTBEAT_MS = 500
const MIN_RETRY_MS = 100
const MAX_RETRY_MS = 1_000
/** What passes by itself, a coordinator that is being found or loads, is told of when so many tries have failed. */
const PATIENT_TRIES = 8
/** How long leaving may take: who does not manage is thrown out when its session is over. */
const LEAVE_MS = 1_000

export interface GroupMemberOptions {
  readonly brokers: Brokers
  readonly group: string
  readonly sessionTimeoutMs: number
  /** The connection's purpose, of no one else. */
  readonly purpose: string
  readonly onTrouble: OnTrouble
  /** Partitions of the topics that are read, by topic. */
  readonly topics: () => Readonly<Record<string, number>>
  /** These are read here from now on. */
  readonly assigned: (partitions: readonly PartitionId[]) => void
  /** These are read here no longer. Another gets them when it resolves, where they are given back in order. */
  readonly revoked: (partitions: readonly PartitionId[]) => Promise<void>
}

interface JoinAnswer {
  readonly generationId: number
  readonly leaderId: string
  readonly memberId: string
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[]
}

/**
 * A member of a consumer group: joins, shares partitions out when it leads, sends heartbeats on its own time however
 * long a batch takes, and joins again whenever the group changes or forgot it. Partitions that stay are not touched.
 */
export class GroupMember {
  readonly #options: GroupMemberOptions
  readonly #heartbeatMs: number
  readonly #rebalanceMs: number
  readonly #owned = new Set<PartitionId>()
  readonly #backoff = new Backoff(MIN_RETRY_MS, MAX_RETRY_MS)
  #memberId = ''
  #generation = -1
  #coordinator: number | undefined
  /** When the coordinator last confirmed that we are a member. */
  #confirmedMs = -Infinity
  #confirmed = Promise.withResolvers<void>()
  #isClosed = false
  #isJoinDue = true
  /** What trouble was told of, until it has passed. */
  #failure: string | undefined
  #failures = 0
  readonly #waker = new Waker()
  #running: Promise<void> | undefined

  constructor(options: GroupMemberOptions) {
    this.#options = options
    this.#heartbeatMs = Math.min(MAX_HEARTBEAT_MS, options.sessionTimeoutMs / 6)
    this.#rebalanceMs = Math.max(MIN_REBALANCE_MS, options.sessionTimeoutMs)
  }

  start(): void {
    this.#running = this.#run()
  }

  /** The topics have changed: the group shares out anew. */
  rejoin(): void {
    this.#isJoinDue = true
    this.#waker.wake()
  }

  /** Whether the session cannot be over: who was stopped for long asks before it goes on. */
  get isConfirmed(): boolean {
    return performance.now() - this.#confirmedMs < this.#options.sessionTimeoutMs
  }

  /** Resolves when the coordinator next confirms that we are a member, or at the end. */
  get confirmed(): Promise<void> {
    return this.#confirmed.promise
  }

  /** Notes how far partitions were read, so that lag can be seen. Nothing depends on it. */
  async commit(offsets: ReadonlyMap<PartitionId, number>): Promise<void> {
    if (this.#coordinator === undefined || this.#memberId === '' || offsets.size === 0) return
    const topics = Map.groupBy(offsets, ([id]) => id.slice(0, id.lastIndexOf('-')))
    const connection = this.#options.brokers.node(this.#coordinator, 'control')
    const request = {
      groupId: this.#options.group,
      groupGenerationId: this.#generation,
      memberId: this.#memberId,
      topics: [...topics].map(([topic, entries]) => ({
        topic,
        partitions: entries.map(([id, offset]) => ({
          partition: Number(id.slice(topic.length + 1)),
          offset,
        })),
      })),
    }
    await connection.request('OffsetCommit', request, LEAVE_MS)
  }

  /** Ends membership without waiting: partitions are the caller's to give back before. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#waker.wake()
    this.#confirmed.resolve()
    const { brokers, group, purpose } = this.#options
    // A join under way ends with its connection.
    brokers.release(purpose)
    await this.#running
    if (this.#memberId === '' || this.#coordinator === undefined) return
    try {
      const connection = brokers.node(this.#coordinator, purpose)
      const members = [{ memberId: this.#memberId }]
      await connection.request('LeaveGroup', { groupId: group, memberId: this.#memberId, members }, LEAVE_MS)
    } catch {
      // The coordinator notices when the session is over.
    } finally {
      brokers.release(purpose)
    }
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        if (this.#isJoinDue) {
          await this.#join().catch((error: unknown) => {
            this.#isJoinDue = true
            throw error
          })
        }
        await this.#pause(this.#heartbeatMs)
        if (!this.#isClosed && !this.#isJoinDue) await this.#heartbeat()
        this.#backoff.reset()
        this.#failure = undefined
        this.#failures = 0
      } catch (error) {
        if (!this.#isClosed) await this.#recover(error)
      }
    }
  }

  async #join(): Promise<void> {
    const { group, sessionTimeoutMs, topics } = this.#options
    this.#isJoinDue = false
    const coordinator = await this.#connection()
    const claim = { generation: this.#generation, owned: [...this.#owned], topics: topics() }
    const answer = await this.#joinGroup(coordinator, {
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: this.#rebalanceMs,
      protocolType: 'consumer',
      groupProtocols: [{ name: PROTOCOL, metadata: encodeClaim(claim) }],
    })
    this.#memberId = answer.memberId
    // Where the group went on without us, what we had may have been another's meanwhile.
    const isMissed = this.#generation >= 0 && answer.generationId > this.#generation + 1
    this.#generation = answer.generationId
    const { memberAssignment } = await coordinator.request<{ readonly memberAssignment: Buffer }>(
      'SyncGroup',
      {
        groupId: group,
        generationId: answer.generationId,
        memberId: answer.memberId,
        groupAssignment: answer.leaderId === answer.memberId ? shareOut(answer) : [],
      },
      this.#rebalanceMs + REQUEST_MS,
    )
    this.#confirm()
    if (isMissed) await this.#lose()
    await this.#apply(decodeAssignment(memberAssignment))
  }

  async #joinGroup(coordinator: BrokerConnection, request: object): Promise<JoinAnswer> {
    const timeoutMs = this.#rebalanceMs + REQUEST_MS
    try {
      return await coordinator.request<JoinAnswer>(
        'JoinGroup',
        { ...request, memberId: this.#memberId },
        timeoutMs,
      )
    } catch (error) {
      // A new member is told its name first, and joins with it.
      if (codeOf(error) !== CODE.memberIdRequired) throw error
      this.#memberId = (error as { readonly memberId: string }).memberId
      return coordinator.request<JoinAnswer>('JoinGroup', { ...request, memberId: this.#memberId }, timeoutMs)
    }
  }

  async #apply(assigned: readonly PartitionId[]): Promise<void> {
    const wanted = new Set(assigned)
    const lost = [...this.#owned].filter((id) => !wanted.has(id))
    const gained = assigned.filter((id) => !this.#owned.has(id))
    for (const id of lost) this.#owned.delete(id)
    for (const id of gained) this.#owned.add(id)
    if (gained.length > 0) this.#options.assigned(gained)
    if (lost.length === 0) return
    await this.#whileBeating(this.#options.revoked(lost))
    // They have no owner any longer: the group shares them out.
    this.#isJoinDue = true
  }

  /** Gives up what we had without asking. */
  async #lose(): Promise<void> {
    const lost = [...this.#owned]
    this.#owned.clear()
    if (lost.length > 0) await this.#options.revoked(lost)
  }

  /** Heartbeats go on while partitions are given back; what they answer is seen to afterwards. */
  async #whileBeating(work: Promise<void>): Promise<void> {
    const timer = setInterval(() => void this.#heartbeat().catch(() => undefined), this.#heartbeatMs)
    await work.finally(() => clearInterval(timer))
  }

  async #heartbeat(): Promise<void> {
    const coordinator = await this.#connection()
    const request = {
      groupId: this.#options.group,
      groupGenerationId: this.#generation,
      memberId: this.#memberId,
    }
    await coordinator.request('Heartbeat', request, Math.max(1_000, this.#options.sessionTimeoutMs / 2))
    this.#confirm()
  }

  async #connection(): Promise<BrokerConnection> {
    const { brokers, group, purpose } = this.#options
    this.#coordinator ??= await brokers.coordinator(group)
    return brokers.node(this.#coordinator, purpose)
  }

  async #recover(error: unknown): Promise<void> {
    const code = codeOf(error)
    switch (code) {
      case CODE.rebalanceInProgress:
        this.#isJoinDue = true
        return
      case CODE.unknownMember:
      case CODE.illegalGeneration:
      case CODE.fencedInstance: {
        if (code !== CODE.illegalGeneration) this.#memberId = ''
        this.#generation = -1
        this.#isJoinDue = true
        this.#tell(`${this.#options.group} went on without this member, which joins it anew`)
        await this.#lose()
        return
      }
      case CODE.coordinatorLoading:
      case CODE.notCoordinator:
      case CODE.coordinatorNotAvailable:
        this.#coordinator = undefined
        if (++this.#failures === PATIENT_TRIES) this.#tellFailure(error)
        break
      case undefined:
        this.#coordinator = undefined
        this.#tellFailure(error)
        break
      default:
        this.#isJoinDue = true
        this.#tellFailure(error)
    }
    await this.#pause(this.#backoff.next())
  }

  #tellFailure(error: unknown): void {
    const { message } = error as Error
    if (this.#failure === message) return
    this.#failure = message
    this.#tell(`cannot take part in the group ${this.#options.group}: ${message}`)
  }

  #tell(message: string): void {
    this.#options.onTrouble({ kind: 'group', message })
  }

  #confirm(): void {
    this.#confirmedMs = performance.now()
    this.#confirmed.resolve()
    this.#confirmed = Promise.withResolvers<void>()
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#isClosed) await this.#waker.pause(ms)
  }
}

function encodeClaim(claim: Omit<MemberClaim, 'member'>): Buffer {
  const userData = Buffer.from(JSON.stringify(claim))
  return assigner.MemberMetadata.encode({ version: 0, topics: Object.keys(claim.topics).sort(), userData })
}

function shareOut({ members }: JoinAnswer): { memberId: string; memberAssignment: Buffer }[] {
  const claims = members.map(({ memberId, memberMetadata }): MemberClaim => {
    const { userData } = assigner.MemberMetadata.decode(memberMetadata)
    const claim = JSON.parse(userData?.toString() ?? '{}') as Omit<MemberClaim, 'member'>
    return { ...claim, member: memberId }
  })
  return [...assignPartitions(claims)].map(([memberId, partitions]) => {
    const assignment: Record<string, number[]> = {}
    for (const id of partitions) {
      const at = id.lastIndexOf('-')
      ;(assignment[id.slice(0, at)] ??= []).push(Number(id.slice(at + 1)))
    }
    return { memberId, memberAssignment: assigner.MemberAssignment.encode({ version: 0, assignment }) }
  })
}

function decodeAssignment(encoded: Buffer): PartitionId[] {
  const assignment = encoded.length === 0 ? undefined : assigner.MemberAssignment.decode(encoded)?.assignment
  return Object.entries(assignment ?? {}).flatMap(([topic, partitions]) =>
    partitions.map((partition) => partitionId(topic, partition)),
  )
}

import protocolErrors from 'kafkajs/src/protocol/error.js'
import { LogError } from '../event-log.ts'

/** Codes of Kafka's protocol that something is done about (https://kafka.apache.org/protocol#protocol_error_codes). */
export const CODE = {
  offsetOutOfRange: 1,
  unknownTopic: 3,
  messageTooLarge: 10,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  recordListTooLarge: 18,
  illegalGeneration: 22,
  inconsistentGroupProtocol: 23,
  unknownMember: 25,
  rebalanceInProgress: 27,
  topicAlreadyExists: 36,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  unknownProducer: 59,
  memberIdRequired: 79,
  fencedInstance: 82,
  producerFenced: 90,
} as const

/**
 * Codes that pass by themselves: a leader is being chosen or has moved, replicas are missing, the broker is busy or has
 * restarted. Of a produce request they say nothing about whether the batch was written.
 */
const PASSING: ReadonlySet<number> = new Set([
  2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 41, 56, 72, 74, 75, 76, 78, 89, 97, 100,
])

export function isPassing(code: number): boolean {
  return PASSING.has(code)
}

/** A broker's answer with a code of failure. */
export class BrokerError extends Error {
  readonly kafkaCode: number

  constructor(code: number, what: string) {
    const { type, message } = protocolErrors.createErrorFromCode(code)
    super(type.startsWith('KAFKAJS') ? `${what}: Kafka's error ${code}` : `${what}: ${message} (${type})`)
    this.name = 'BrokerError'
    this.kafkaCode = code
  }
}

/** The code of a broker's answer, whoever made the error of it; undefined for what is no answer. */
export function codeOf(error: unknown): number | undefined {
  if (error instanceof BrokerError) return error.kafkaCode
  if (!(error instanceof Error) || !('type' in error) || !('code' in error)) return undefined
  return typeof error.code === 'number' ? error.code : undefined
}

/** What a call of the log rejects with, where something of Kafka's failed. */
export function logError(what: string, error: unknown): LogError {
  if (error instanceof LogError) return error
  const { message } = error instanceof Error ? error : new Error(String(error))
  return new LogError('LOG_UNAVAILABLE', `${what}: ${message}`, { cause: error })
}

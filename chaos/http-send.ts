import { headersOf, type NumberedBatch, RefusedForGood, type Send } from './numbered-producer.ts'

/** How long an answer is waited for; a batch whose answer does not come is sent again. */
const PATIENCE_MS = 20_000

/** What ingest answered. */
export interface IngestAnswers {
  acknowledged: number
  /** Answers other than 2xx, by status. */
  readonly refusals: Map<number, number>
  /** Answers of 503 that do not say when to come again. */
  withoutRetryAfter: number
}

export function noAnswers(): IngestAnswers {
  return { acknowledged: 0, refusals: new Map(), withoutRetryAfter: 0 }
}

/** Posts batches to ingest. JSON is numbered in the request's headers, an `EventBatch` in itself. */
export function httpSend(url: () => string, format: 'json' | 'batch', answers: IngestAnswers): Send {
  return async (batch: NumberedBatch) => {
    const response = await fetch(`${url()}/v1/events`, {
      ...postOf(batch, format),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    const text = await response.text()
    if (response.ok) {
      answers.acknowledged++
      return
    }
    const { status } = response
    answers.refusals.set(status, (answers.refusals.get(status) ?? 0) + 1)
    if (status === 503 && !response.headers.has('retry-after')) answers.withoutRetryAfter++
    const message = `ingest answered ${status}: ${text.slice(0, 500)}`
    if (status === 503 || status === 429) throw new Error(message)
    throw new RefusedForGood(message)
  }
}

/** The request that carries a batch. */
export function postOf(batch: NumberedBatch, format: 'json' | 'batch'): RequestInit {
  return { method: 'POST', headers: headersOf(batch, format), body: batch.body as Uint8Array<ArrayBuffer> }
}

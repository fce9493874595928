import type { Readable } from 'node:stream'

/** What a page that is streamed is asked with, whatever the server. */
export interface PageRequest {
  readonly parameters: URLSearchParams
  readonly accept: string | undefined
  readonly acceptEncoding: string | undefined
}

export interface PageAnswer {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Readable
}

/** Rejects with an `HttpProblem` where that is the answer. A body that is destroyed breaks the answer off. */
export type Page = (request: PageRequest) => Promise<PageAnswer>

import { Readable } from 'node:stream'
import type { Page } from '../http/page.ts'
import type { OwnSamples } from '../telemetry/own-samples.ts'
import { Exposition } from './exposition.ts'
import { chooseFormat } from './negotiation.ts'
import { Pace } from './pace.ts'

/** `/metrics` of a role that has no series of the mesh: its own, in the format that a client asks for. */
export function ownPage(own: () => Promise<readonly OwnSamples[]>): Page {
  return async ({ accept }) => {
    const writer = chooseFormat(accept)
    const exposition = new Exposition(writer, new Pace())
    const families = await own()
    async function* chunks(): AsyncGenerator<Buffer> {
      yield* exposition.small(families)
      yield* exposition.end()
    }
    return {
      headers: { 'content-type': writer.contentType, vary: 'accept' },
      body: Readable.from(chunks(), { objectMode: false }),
    }
  }
}
